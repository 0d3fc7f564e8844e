/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "pycore/str.h"

/*
 * Appends the name of a C++ or Rust function as its source has it, or any other without a linker's
 * number. False, and nothing appended: the name is as in the source, or it is damaged, or too long
 * to be worth it.
 */
bool demangle(const char *name, struct str *to);
/* The same for names of Rust's version 0, which begin with _R; demangle() calls it. */
bool demangle_rust(const char *name, struct str *to);
