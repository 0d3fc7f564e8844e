/* SPDX-License-Identifier: Apache-2.0 */
/* Names and words for signals and their codes. */
#pragma once

/* "SIGSEGV"; NULL for a number that has no name. */
const char *signal_name(int signo);
/* "SEGV_MAPERR"; NULL where the pair has no name. */
const char *signal_code_name(int signo, int code);
/* What the code means, in words; NULL where there is nothing to add. */
const char *signal_code_text(int signo, int code);
