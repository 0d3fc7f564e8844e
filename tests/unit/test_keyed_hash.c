/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-2-4 against the vectors that its authors published: the key is 00 01 02 ..., and so is
 * each message. */
#include "suites.h"

#include "pycore/attr.h"
#include "pycore/keyed_hash.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
	size_t n;
	uint64_t hash;
} vectors[] = {
	{ 0, 0x726fdb47dd0e0e31 },
	{ 1, 0x74f839c593dc67fd },
	{ 2, 0x0d6c8009d9a94f5a },
	{ 3, 0x85676696d7fb7e2d },
	{ 7, 0xab0200f58b01d137 },
	{ 8, 0x93f5f5799a932462 },
	{ 15, 0xa129ca6149be45e5 },
	{ 63, 0x958a324ceb064572 },
};

START_TEST(reference_vectors)
{
	uint8_t key[16], message[64];
	for (uint8_t i = 0; i < sizeof(message); i++)
		message[i] = i;
	memcpy(key, message, sizeof(key));
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
		ck_assert_uint_eq(siphash24(key, message, vectors[i].n), vectors[i].hash);
	ck_assert_uint_eq(siphash24(key, NULL, 0), vectors[0].hash);
}
END_TEST

/* What a process of its own makes of it. */
static uint64_t hash_elsewhere(void)
{
	int ends[2];
	uint64_t hash;
	ck_assert_int_eq(pipe(ends), 0);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (!child) {
		hash = keyed_hash("secret", 6);
		_exit(write(ends[1], &hash, sizeof(hash)) != sizeof(hash));
	}
	ck_assert_int_eq(read(ends[0], &hash, sizeof(hash)), sizeof(hash));
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	close(ends[0]);
	close(ends[1]);
	return hash;
}

/* The first to hash something: a key that was drawn before a fork() is known to both. */
START_TEST(each_run_has_its_key)
{
	ck_assert_uint_ne(hash_elsewhere(), hash_elsewhere());
}
END_TEST

START_TEST(one_key_a_run)
{
	uint64_t hash = keyed_hash("secret", 6);
	ck_assert_uint_eq(keyed_hash("secret", 6), hash);
	ck_assert_uint_ne(keyed_hash("secret", 5), hash);
	ck_assert_uint_ne(keyed_hash("Secret", 6), hash);
	ck_assert_uint_eq(keyed_hash(NULL, 0), keyed_hash("", 0));
	ck_assert_uint_ne(keyed_hash(NULL, 0), siphash24((const uint8_t[16]){ 0 }, NULL, 0));
}
END_TEST

Suite *suite_keyed_hash(void)
{
	Suite *s = suite_create("keyed_hash");
	TCase *tc = tcase_create("keyed_hash");
	tcase_add_test(tc, reference_vectors);
	tcase_add_test(tc, each_run_has_its_key);
	tcase_add_test(tc, one_key_a_run);
	suite_add_tcase(s, tc);
	return s;
}
