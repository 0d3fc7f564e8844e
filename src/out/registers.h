/* SPDX-License-Identifier: Apache-2.0 */
/* Registers and the instruction at the program counter, in both forms. */
#pragma once

#include "json.h"

#include "pycore/out.h"
#include "pycore/registers.h"

/* A block of a line for each, as deep as a stack's; nothing for NULL or none. */
void text_registers(struct out *o, const struct registers *r);
/* The keys "instruction" and "registers" of a thread; null for NULL or none. */
void json_registers(struct json *j, const struct registers *r);
