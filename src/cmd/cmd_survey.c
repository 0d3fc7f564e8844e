/* SPDX-License-Identifier: Apache-2.0 */
/* pycore survey: what fills the memory, and what grew. */
#include "survey_args.h"

#include "pycore/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Prints the second of two sides, or what changed since the first one. */
static bool report(const struct survey_args *a, const struct side *s, const struct side *before,
	const struct survey_diff *diff, const struct problems *notes, bool *ret_damage)
{
	struct survey_view view = a->view;
	view.diff = diff;
	view.runtime = a->python ? a->python - 1 : 0;
	view.after = s->path;
	view.before_of = diff && before->survey->saved ? before->survey->saved->of : NULL;
	view.type = a->type;
	const struct out_options opt = { .schema = "pycore.survey" };
	struct out *o = a->json	 ? out_json_open(stdout, &opt)
			: a->csv ? out_csv_open(stdout, &opt)
				 : out_text_open(stdout, &opt);
	if (s->target) {
		o->ops->process(o, s->target);
		o->ops->pythons(o, s->p);
	}
	o->ops->survey(o, s->survey, &view);
	if (s->target || (notes->len && !a->json)) /* a saved document has its own */
		o->ops->problems(o, s->target ? &s->target->problems : notes);
	o->ops->finish(o);
	*ret_damage = o->damage || (s->target && s->target->problems.damage);
	bool good = out_close(o);
	if (!good)
		complain("standard output: could not be written: %s", strerror(errno));
	return good;
}

static bool is_damaged(const struct side *s)
{
	return s->target ? s->target->problems.damage : s->survey->saved->damage;
}

/* "by type", "by type, of types that match 'app.*'" */
static void put_question(struct str *to, enum survey_by by, const char *match)
{
	str_addf(to, "by %s", survey_by_name(by));
	if (match)
		str_addf(to, ", of types that match '%s'", match);
	else
		str_puts(to, ", of all types");
}

/* What was saved can only be compared by the key and the types that it is of. They are taken over
 * unless others were asked for. */
static bool agree(struct survey_args *a, const struct side *s)
{
	AUTO_STR(here);
	AUTO_STR(there);
	const char *match = s->survey->match;
	if (!a->by_given)
		a->options.by = s->survey->by;
	if (!a->options.match)
		a->options.match = match;
	a->by_given = true;
	bool same = !match == !a->options.match && (!match || !strcmp(match, a->options.match));
	if (same && a->options.by == s->survey->by)
		return true;
	put_question(&there, s->survey->by, match);
	put_question(&here, a->options.by, a->options.match);
	complain("%s: is a survey %s, and cannot be compared %s; make it anew with the same --by, "
		 "--match and --type, or leave them away",
		s->path, str_text(&there), str_text(&here));
	return false;
}

static bool load(struct survey_args *a, const char *path, bool whole, struct side *ret)
{
	AUTO_STR(why);
	ret->path = path;
	if (!survey_load(path, &a->target.container, whole, &why, &ret->survey)) {
		complain("%s: %s", path, str_text(&why));
		return false;
	}
	return agree(a, ret);
}

static bool is_saved(const struct survey_args *a, const char *path)
{
	return path && survey_is_saved(path, &a->target.container);
}

static enum exit_status count_rest(
	struct survey_args *a, const struct target_args *which, struct side *ret)
{
	if (ret->survey || !(which->core || which->pid))
		return STATUS_COMPLETE;
	enum exit_status status = side_count(a, which, ret);
	if (status != STATUS_COMPLETE && !a->view.before && is_saved(a, which->core))
		complain("%s: is a survey that was saved; it can be compared by --diff",
			which->core);
	return status;
}

/* What was saved is read first, for it says what the others have to be counted by. */
static enum exit_status gather(struct survey_args *a, struct side *before, struct side *after)
{
	struct target_args first = {
		.core = a->view.before, .container = a->target.container, .search = a->target.search
	};
	if (is_saved(a, first.core) && !load(a, first.core, false, before))
		return STATUS_NOTHING;
	if (first.core && is_saved(a, a->target.core) && !load(a, a->target.core, a->json, after))
		return STATUS_NOTHING;
	enum exit_status status = count_rest(a, &first, before);
	if (status == STATUS_COMPLETE)
		status = count_rest(a, &a->target, after);
	struct side *const sides[] = { after, before };
	if (status == STATUS_COMPLETE && a->type && !sides_find_type(a, sides, 1 + !!first.core))
		return STATUS_NOTHING;
	for (size_t i = 0; status == STATUS_COMPLETE && i < ARRAY_LEN(sides); i++) {
		if (sides[i]->target)
			survey_tell(sides[i]->survey, &sides[i]->target->problems);
	}
	return status;
}

/* Whether an interruption leaves nothing to be compared; with a message. */
static bool is_cut(const struct survey_args *a, const struct side *before, const struct side *after)
{
	bool cut = a->view.before && (after->survey->interrupted || before->survey->interrupted);
	if (cut)
		complain("interrupted: counts of which a part is missing are not compared");
	return cut;
}

/* notes: where what is printed was saved, and is no JSON. */
static void compare_builds(const struct survey_args *a, const struct side *before,
	const struct side *after, struct problems *notes)
{
	static const char where[] = "comparison";
	AUTO_STR(why);
	const struct survey_build builds[] = { side_build(a, before), side_build(a, after) };
	if (!survey_builds_differ(&builds[0], &builds[1], &why))
		return;
	problems_notef(
		after->target ? &after->target->problems : notes, where, "%s", str_text(&why));
	if (!after->target)
		survey_saved_note(after->survey, where, str_text(&why));
}

static void free_diff(struct survey_diff **d)
{
	survey_diff_free(*d);
}

static enum exit_status survey(struct survey_args *a)
{
	CLEANUP(side_fini) struct side before = { 0 };
	CLEANUP(side_fini) struct side after = { 0 };
	CLEANUP(free_diff) struct survey_diff *diff = NULL;
	CLEANUP(problems_fini) struct problems notes = { 0 };
	bool damage;
	enum exit_status status = gather(a, &before, &after);
	if (status != STATUS_COMPLETE)
		return status;
	if (is_cut(a, &before, &after))
		return STATUS_NOTHING;
	if (a->view.before)
		diff = survey_compare(before.survey, after.survey, a->options.sort);
	if (a->view.before)
		compare_builds(a, &before, &after, &notes);
	if (!report(a, &after, &before, diff, &notes, &damage))
		return STATUS_NOTHING;
	if (a->view.before && is_damaged(&before)) {
		complain("%s: parts of it are missing or damaged, so its counts are lower bounds",
			a->view.before);
		damage = true;
	}
	return damage ? STATUS_PARTIAL : STATUS_COMPLETE;
}

int cmd_survey(int argc, char **argv)
{
	struct survey_args a = { .view.top = 40 };
	int status;
	if (!survey_args_take(&a, argc, argv, &status))
		return status;
	if (a.type)
		a.options.match = a.pattern = pattern_of(a.type);
	status = (int)survey(&a);
	free(a.pattern);
	return status;
}
