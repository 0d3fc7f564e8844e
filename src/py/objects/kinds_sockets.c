/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets (Lib/socket.py, Modules/socketmodule.c). repr() of an open one asks the kernel for its
 * two addresses: no memory of the process holds them, so they are left out.
 */
#include "peek.h"

#include <inttypes.h>
#include <string.h>

/* AddressFamily.AF_INET, or the number where no member of that enum has it. */
static void put_member(struct repr *r, const char *enum_name, int64_t value)
{
	uint64_t class, map, member, name;
	const struct py_type *t;
	if (peek_module(r->h, "socket", enum_name, &class) && !failed(type_at(r->h, class, &t)) &&
		type_find(r->h, t, "_value2member_map_", &map) &&
		dict_find_int(r->h, map, value, &member) &&
		attribute_of(r->h, member, "_name_", &name)) {
		repr_putf(r, "%s.", t->name);
		repr_name(r, name);
		return;
	}
	repr_putf(r, "%" PRId64, value);
}

static struct err render_socket(struct repr *r, const struct py_object *o)
{
	int64_t fd, family, type, proto;
	bool closed = false;
	if (!layout_has(&o->h->rt->layout, FIELD_socket_fd))
		return render_object(r, o);
	TRY(object_get_int(o, FIELD_socket_fd, &fd));
	TRY(object_get_int(o, FIELD_socket_family, &family));
	TRY(object_get_int(o, FIELD_socket_type, &type));
	TRY(object_get_int(o, FIELD_socket_proto, &proto));
	(void)peek_true(o, "_closed", &closed);
	repr_putf(r, "<%s%s fd=%" PRId64 ", family=", o->type->full, closed ? " [closed]" : "", fd);
	if (r->h->rt->layout.row->repr & REPR_SOCKET_NUMBERS) {
		repr_putf(r, "%" PRId64 ", type=%" PRId64, family, type);
	} else {
		put_member(r, "AddressFamily", family);
		repr_put(r, ", type=");
		put_member(r, "SocketKind", type);
	}
	repr_putf(r, ", proto=%" PRId64 ">", proto);
	return NO_ERR;
}

static struct err render_raw_socket(struct repr *r, const struct py_object *o)
{
	int64_t fd, family, type, proto;
	if (!layout_has(&o->h->rt->layout, FIELD_socket_fd))
		return render_object(r, o);
	TRY(object_get_int(o, FIELD_socket_fd, &fd));
	TRY(object_get_int(o, FIELD_socket_family, &family));
	TRY(object_get_int(o, FIELD_socket_type, &type));
	TRY(object_get_int(o, FIELD_socket_proto, &proto));
	bool old = r->h->rt->layout.row->repr & REPR_LIBRARY_PLAIN;
	repr_putf(r,
		"<socket object, fd=%" PRId64 ", family=%" PRId64 ", type=%" PRId64 ", %s=%" PRId64
		">",
		fd, family, type, old ? "protocol" : "proto", proto);
	return NO_ERR;
}

const struct kind kinds_sockets[] = {
	{ "_socket.socket", render_raw_socket },
	{ "socket.socket", render_socket, KIND_BY_PYTHON },
	{ 0 },
};
