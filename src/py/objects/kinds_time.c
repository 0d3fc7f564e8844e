/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates, times and zones (Modules/_datetimemodule.c). Dates and times are packed bytes, most
 * significant first: year (2 bytes), month, day; hour, minute, second, microsecond (3 bytes).
 */
#include "repr.h"

#include <inttypes.h>
#include <string.h>

enum { DATE_BYTES = 4, TIME_BYTES = 6, DATETIME_BYTES = 10 };

static struct err packed(const struct py_object *o, enum field f, uint8_t *bytes, size_t n)
{
	uint64_t at;
	TRY(object_inside(o, f, &at));
	return mem_read(o->h->rt->mem, at, bytes, n);
}

/* The year is 1 to 9999. */
static struct err put_date(struct repr *r, const struct py_object *o, const uint8_t *b)
{
	unsigned year = (unsigned)b[0] << 8 | b[1];
	if (!year || year > 9999 || !b[2] || b[2] > 12 || !b[3] || b[3] > 31)
		return err_at(ERR_CORRUPT, o->addr, "date");
	repr_putf(r, "%s(%u, %u, %u", type_shown_name(o->type), year, b[2], b[3]);
	return NO_ERR;
}

/* Seconds only if they or microseconds are not zero. first: what stands before the hour. */
static struct err put_time(
	struct repr *r, const struct py_object *o, const char *first, const uint8_t *b)
{
	unsigned us = (unsigned)b[3] << 16 | (unsigned)b[4] << 8 | b[5];
	if (b[0] > 23 || b[1] > 59 || b[2] > 59 || us > 999999)
		return err_at(ERR_CORRUPT, o->addr, "time");
	repr_putf(r, "%s%u, %u", first, b[0], b[1]);
	if (b[2] || us)
		repr_putf(r, ", %u", b[2]);
	if (us)
		repr_putf(r, ", %u", us);
	return NO_ERR;
}

/* What is behind the numbers: 2.7 knows no fold. */
static struct err put_zone(
	struct repr *r, const struct py_object *o, enum field fold, enum field has, enum field zone)
{
	uint64_t folded = 0, has_zone, addr;
	if (layout_has(&o->h->rt->layout, fold))
		TRY(object_get(o, fold, &folded));
	TRY(object_get(o, has, &has_zone));
	if (folded)
		repr_put(r, ", fold=1");
	if (has_zone) {
		TRY(object_get(o, zone, &addr));
		repr_put(r, ", tzinfo=");
		repr_value(r, addr);
	}
	repr_put(r, ")");
	return NO_ERR;
}

static struct err render_date(struct repr *r, const struct py_object *o)
{
	uint8_t b[DATE_BYTES];
	TRY(packed(o, FIELD_date_data, b, sizeof(b)));
	TRY(put_date(r, o, b));
	repr_put(r, ")");
	return NO_ERR;
}

static struct err render_datetime(struct repr *r, const struct py_object *o)
{
	uint8_t b[DATETIME_BYTES];
	TRY(packed(o, FIELD_datetime_data, b, sizeof(b)));
	TRY(put_date(r, o, b));
	TRY(put_time(r, o, ", ", b + DATE_BYTES));
	return put_zone(r, o, FIELD_datetime_fold, FIELD_datetime_hastzinfo, FIELD_datetime_tzinfo);
}

static struct err render_time(struct repr *r, const struct py_object *o)
{
	uint8_t b[TIME_BYTES];
	TRY(packed(o, FIELD_time_data, b, sizeof(b)));
	repr_put(r, type_shown_name(o->type));
	TRY(put_time(r, o, "(", b));
	return put_zone(r, o, FIELD_time_fold, FIELD_time_hastzinfo, FIELD_time_tzinfo);
}

struct delta {
	int64_t days, seconds, microseconds;
};

static struct err read_delta(const struct py_object *o, struct delta *ret)
{
	struct delta d;
	TRY(object_get_int(o, FIELD_timedelta_days, &d.days));
	TRY(object_get_int(o, FIELD_timedelta_seconds, &d.seconds));
	TRY(object_get_int(o, FIELD_timedelta_microseconds, &d.microseconds));
	if (d.days < -999999999 || d.days > 999999999 || d.seconds < 0 || d.seconds >= 86400 ||
		d.microseconds < 0 || d.microseconds > 999999)
		return err_at(ERR_CORRUPT, o->addr, "timedelta");
	*ret = d;
	return NO_ERR;
}

/* datetime.timedelta(days=1, seconds=2): those that are not zero. */
static void put_named(struct repr *r, const struct delta *d)
{
	const struct {
		const char *name;
		int64_t value;
	} parts[] = {
		{ "days", d->days },
		{ "seconds", d->seconds },
		{ "microseconds", d->microseconds },
	};
	const char *comma = "";
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (!parts[i].value)
			continue;
		repr_putf(r, "%s%s=%" PRId64, comma, parts[i].name, parts[i].value);
		comma = ", ";
	}
	repr_put(r, *comma ? "" : "0");
}

static struct err render_timedelta(struct repr *r, const struct py_object *o)
{
	struct delta d;
	TRY(read_delta(o, &d));
	repr_putf(r, "%s(", type_shown_name(o->type));
	if (r->h->rt->layout.row->repr & REPR_TIMEDELTA_NAMES)
		put_named(r, &d);
	else if (d.microseconds)
		repr_putf(
			r, "%" PRId64 ", %" PRId64 ", %" PRId64, d.days, d.seconds, d.microseconds);
	else if (d.seconds)
		repr_putf(r, "%" PRId64 ", %" PRId64, d.days, d.seconds);
	else
		repr_putf(r, "%" PRId64, d.days);
	repr_put(r, ")");
	return NO_ERR;
}

/* Without a name and an offset there is only one: timezone.utc. */
static bool is_utc(struct heap *h, uint64_t offset, uint64_t name)
{
	struct py_object o;
	struct delta d;
	return !name && !failed(object_open(h, offset, &o)) &&
	       type_is(o.type, "datetime.timedelta") && !failed(read_delta(&o, &d)) && !d.days &&
	       !d.seconds && !d.microseconds;
}

static struct err render_timezone(struct repr *r, const struct py_object *o)
{
	uint64_t offset, name;
	TRY(object_get(o, FIELD_timezone_offset, &offset));
	TRY(object_get(o, FIELD_timezone_name, &name));
	if (is_utc(r->h, offset, name)) {
		repr_put(r, "datetime.timezone.utc");
		return NO_ERR;
	}
	repr_putf(r, "%s(", type_shown_name(o->type));
	repr_value(r, offset);
	if (name) {
		repr_put(r, ", ");
		repr_value(r, name);
	}
	repr_put(r, ")");
	return NO_ERR;
}

/* A zone of a file has no key, and only C knows how it was called. */
static struct err render_zone_info(struct repr *r, const struct py_object *o)
{
	uint64_t key;
	if (!member_find(o, "key", &key) || object_is_none(r->h, key))
		return render_object(r, o);
	repr_putf(r, "%s(key=", type_shown_name(o->type));
	repr_value(r, key);
	repr_put(r, ")");
	return NO_ERR;
}

/* What isocalendar() gives: a tuple of C with names (3.9 on). */
static struct err render_iso_date(struct repr *r, const struct py_object *o)
{
	static const char *const names[] = { "(year=", ", week=", ", weekday=" };
	struct sequence s;
	uint64_t item;
	TRY(sequence_open(o, &s));
	repr_put(r, type_shown_name(o->type));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		TRY(sequence_item(&s, i, &item));
		repr_put(r, names[i]);
		repr_value(r, item);
	}
	repr_put(r, ")");
	return NO_ERR;
}

const struct kind kinds_time[] = {
	{ "datetime.date", render_date, KIND_SHAPE },
	{ "datetime.datetime", render_datetime, KIND_CONTAINER | KIND_SHAPE, "..." },
	{ "datetime.time", render_time, KIND_CONTAINER | KIND_SHAPE, "..." },
	{ "datetime.timedelta", render_timedelta, KIND_SHAPE },
	{ "datetime.timezone", render_timezone, KIND_CONTAINER, "..." },
	{ "datetime.IsoCalendarDate", render_iso_date, KIND_CONTAINER, "..." },
	{ "zoneinfo.ZoneInfo", render_zone_info, KIND_CONTAINER, "..." },
	{ 0 },
};
