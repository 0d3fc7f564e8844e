/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipaddress (Lib/ipaddress.py): an address is an int, `_ip`, and since 3.9 may have a `_scope_id`;
 * a network has a `network_address`; networks and interfaces have a `_prefixlen`.
 */
#include "repr.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { HEXTETS = 8, TEXT_MAX = 64 };

struct address {
	uint64_t ip[2]; /* most significant half first */
	bool v6, dotted_tail;
	uint64_t scope; /* a string object; 0: none */
};

static bool is_v6(const struct py_object *o)
{
	return type_is(o->type, "ipaddress.IPv6Address") ||
	       type_is(o->type, "ipaddress.IPv6Network");
}

static bool read_address(const struct py_object *o, struct address *ret)
{
	uint64_t ip, method, scope;
	struct address a = { .v6 = is_v6(o) };
	if (!attribute_find(o, "_ip", &ip) || failed(int_128(o->h, ip, a.ip)) ||
		(!a.v6 && (a.ip[0] || a.ip[1] >> 32)))
		return false;
	/* ::ffff:1.2.3.4, by versions whose class knows how to write it */
	a.dotted_tail = a.v6 && !a.ip[0] && a.ip[1] >> 32 == 0xffff &&
			type_find(o->h, o->type, "_ipv4_mapped_ipv6_to_str", &method);
	if (attribute_find(o, "_scope_id", &scope) && !object_is_none(o->h, scope))
		a.scope = scope;
	*ret = a;
	return true;
}

static void put_v4(struct pieces *p, uint32_t ip)
{
	char text[TEXT_MAX];
	snprintf(text, sizeof(text), "%u.%u.%u.%u", ip >> 24, ip >> 16 & 0xff, ip >> 8 & 0xff,
		ip & 0xff);
	pieces_puts(p, text);
}

/* The longest run of zeros, of two at least; the first of equals. */
static unsigned longest_zeros(const unsigned h[HEXTETS], unsigned *ret_length)
{
	unsigned best = HEXTETS, most = 1, length = 0;
	for (unsigned i = 0; i < HEXTETS; i++) {
		length = h[i] ? 0 : length + 1;
		if (length > most) {
			most = length;
			best = i + 1 - length;
		}
	}
	*ret_length = best < HEXTETS ? most : 0;
	return best;
}

static void put_v6(struct pieces *p, const uint64_t ip[2])
{
	unsigned h[HEXTETS], length;
	char text[TEXT_MAX];
	for (unsigned i = 0; i < HEXTETS; i++)
		h[i] = ip[i / 4] >> (48 - 16 * (i % 4)) & 0xffff;
	unsigned zeros = longest_zeros(h, &length);
	for (unsigned i = 0; i < HEXTETS; i++) {
		if (i == zeros) {
			pieces_puts(p, "::");
			i += length - 1;
			continue;
		}
		bool colon = i && i != zeros + length;
		snprintf(text, sizeof(text), "%s%x", colon ? ":" : "", h[i]);
		pieces_puts(p, text);
	}
}

static bool put_address(const struct py_object *o, struct pieces *p)
{
	struct address a;
	if (!read_address(o, &a))
		return false;
	if (a.dotted_tail)
		pieces_puts(p, "::ffff:");
	if (!a.v6 || a.dotted_tail)
		put_v4(p, (uint32_t)a.ip[1]);
	else
		put_v6(p, a.ip);
	if (a.scope) {
		pieces_puts(p, "%");
		return !failed(pieces_str(p, o->h, a.scope));
	}
	return true;
}

static bool put_prefix(const struct py_object *o, struct pieces *p)
{
	char text[TEXT_MAX];
	uint64_t length;
	int64_t n;
	if (!attribute_find(o, "_prefixlen", &length) || failed(int_value_at(o->h, length, &n)))
		return false;
	snprintf(text, sizeof(text), "/%" PRId64, n);
	pieces_puts(p, text);
	return true;
}

static struct err put_quoted(
	struct repr *r, const struct py_object *o, bool good, const struct pieces *p)
{
	if (!good)
		return render_object(r, o);
	repr_putf(r, "%s(", o->type->name);
	repr_pieces(r, p);
	repr_put(r, ")");
	return NO_ERR;
}

static struct err render_address(struct repr *r, const struct py_object *o)
{
	AUTO_PIECES(p);
	bool good = put_address(o, &p);
	if (good && (type_is(o->type, "ipaddress.IPv4Interface") ||
			    type_is(o->type, "ipaddress.IPv6Interface")))
		good = put_prefix(o, &p);
	return put_quoted(r, o, good, &p);
}

static struct err render_network(struct repr *r, const struct py_object *o)
{
	AUTO_PIECES(p);
	struct py_object address;
	uint64_t addr;
	bool good = attribute_find(o, "network_address", &addr) &&
		    !failed(object_open(r->h, addr, &address)) && put_address(&address, &p) &&
		    put_prefix(o, &p);
	return put_quoted(r, o, good, &p);
}

const struct kind kinds_addresses[] = {
	{ "ipaddress._BaseAddress", render_address, KIND_BY_PYTHON },
	{ "ipaddress._BaseNetwork", render_network, KIND_BY_PYTHON },
	{ 0 },
};
