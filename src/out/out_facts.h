/* SPDX-License-Identifier: Apache-2.0 */
/* Facts for a bug report: out_facts.c as text, out_json_facts.c as JSON. */
#pragma once

#include "pycore/out.h"

void text_facts(struct out *o, const struct target_facts *t, const struct python *p);
void json_facts(struct out *o, const struct target_facts *t, const struct python *p);
