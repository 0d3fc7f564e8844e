/* SPDX-License-Identifier: Apache-2.0 */
/* Searches in lists that ascend. */
#pragma once

#include <stddef.h>

/* The index of the first of n elements for which `before`, an expression of the index i, no longer
 * holds; n where it holds for all. It must hold for none of those that follow one for which it
 * doesn't. (C++ and Rust know this as partition_point.) */
#define PARTITION_POINT(n, i, before)                                                              \
	__extension__({                                                                            \
		size_t low_ = 0, high_ = (n);                                                      \
		while (low_ < high_) {                                                             \
			size_t i = low_ + (high_ - low_) / 2;                                      \
			if (before)                                                                \
				low_ = i + 1;                                                      \
			else                                                                       \
				high_ = i;                                                         \
		}                                                                                  \
		low_;                                                                              \
	})
