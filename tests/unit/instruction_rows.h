/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions by their bytes, and what they do: the tables of test_instruction.c. */
#pragma once

#include "pycore/registers.h"

enum {
	TRAPS = 1 << 0,
	PRIVILEGED = 1 << 1,
	DIVIDES = 1 << 2,
	PUSHES = 1 << 3,
	NO_OPERAND = 1 << 4, /* it goes to no memory, or none that can be told */
	SECOND = 1 << 5, /* of two operands it is the second: the first lies elsewhere */
	NOT_RUN = 1 << 6, /* no page fault is to be expected of it */
	LOW = 1 << 7, /* addresses are of 32 bits */
};

struct row {
	const char *bytes;
	uint8_t n;
	const char *text;
	unsigned flags;
	enum access access;
	const char *base; /* what the address is made of: base + index * scale + offset */
	int64_t offset;
	const char *index;
	int scale;
	uint32_t size, alignment;
};

#define BYTES(s) (s), sizeof(s) - 1
#define READS	 ACCESS_READ
#define WRITES	 ACCESS_WRITE

/* clang-format off */
static const struct row rows_x86_64[] = {
	{ BYTES("\x48\x8b\x47\x08"), "mov rax, qword ptr [rdi + 8]", 0, READS, "rdi", 8, NULL, 0, 8, 0 },
	{ BYTES("\x48\x89\x47\x08"), "mov qword ptr [rdi + 8], rax", 0, WRITES, "rdi", 8, NULL, 0, 8, 0 },
	{ BYTES("\x83\x00\x01"), "add dword ptr [rax], 1", 0, WRITES, "rax", 0, NULL, 0, 4, 0 },
	{ BYTES("\x83\x38\x01"), "cmp dword ptr [rax], 1", 0, READS, "rax", 0, NULL, 0, 4, 0 },
	{ BYTES("\xf7\x00\x01\x00\x00\x00"), "test dword ptr [rax], 1", 0, READS, "rax", 0, NULL, 0, 4, 0 },
	{ BYTES("\x87\x08"), "xchg dword ptr [rax], ecx", 0, WRITES, "rax", 0, NULL, 0, 4, 0 },
	{ BYTES("\xf0\x0f\xb1\x08"), "lock cmpxchg dword ptr [rax], ecx", 0, WRITES, "rax", 0, NULL, 0, 4, 0 },
	{ BYTES("\x48\x0f\xc7\x08"), "cmpxchg16b xmmword ptr [rax]", 0, WRITES, "rax", 0, NULL, 0, 16, 16 },
	{ BYTES("\x8b\x04\x8b"), "mov eax, dword ptr [rbx + rcx*4]", 0, READS, "rbx", 0, "rcx", 4, 4, 0 },
	{ BYTES("\x8b\x44\x8b\xf8"), "mov eax, dword ptr [rbx + rcx*4 - 8]", 0, READS, "rbx", -8, "rcx", 4, 4, 0 },
	{ BYTES("\x8b\x04\xcd\x00\x00\x00\x00"), "mov eax, dword ptr [rcx*8]", 0, READS, NULL, 0, "rcx", 8, 4, 0 },
	{ BYTES("\x67\x8b\x47\x08"), "mov eax, dword ptr [edi + 8]", LOW, READS, "edi", 8, NULL, 0, 4, 0 },
	{ BYTES("\x0f\xab\x08"), "bts dword ptr [rax], ecx", NOT_RUN, WRITES, "rax", 4 * (0x60 >> 5), NULL, 0, 4, 0 },
	{ BYTES("\x0f\xba\x20\x64"), "bt dword ptr [rax], 0x64", 0, READS, "rax", 0, NULL, 0, 4, 0 },
	{ BYTES("\x50"), "push rax", PUSHES, WRITES, "rsp", -8, NULL, 0, 8, 0 },
	{ BYTES("\x66\x50"), "push ax", PUSHES, WRITES, "rsp", -2, NULL, 0, 2, 0 },
	{ BYTES("\x6a\x05"), "push 5", PUSHES, WRITES, "rsp", -8, NULL, 0, 8, 0 },
	{ BYTES("\x0f\xa0"), "push fs", PUSHES, WRITES, "rsp", -8, NULL, 0, 8, 0 },
	{ BYTES("\x9c"), "pushfq", PUSHES, WRITES, "rsp", -8, NULL, 0, 8, 0 },
	{ BYTES("\xff\x30"), "push qword ptr [rax]", 0, READS, "rax", 0, NULL, 0, 8, 0 },
	{ BYTES("\x8f\x00"), "pop qword ptr [rax]", 0, READS, "rsp", 0, NULL, 0, 8, 0 },
	{ BYTES("\x58"), "pop rax", 0, READS, "rsp", 0, NULL, 0, 8, 0 },
	{ BYTES("\xc9"), "leave", 0, READS, "rbp", 0, NULL, 0, 8, 0 },
	{ BYTES("\xc3"), "ret", 0, READS, "rsp", 0, NULL, 0, 8, 0 },
	{ BYTES("\xc2\x08\x00"), "ret 8", 0, READS, "rsp", 0, NULL, 0, 8, 0 },
	{ BYTES("\xff\x50\x08"), "call qword ptr [rax + 8]", 0, READS, "rax", 8, NULL, 0, 8, 0 },
	{ BYTES("\xff\x60\x08"), "jmp qword ptr [rax + 8]", 0, READS, "rax", 8, NULL, 0, 8, 0 },
	{ BYTES("\xff\xd0"), "call rax", PUSHES, WRITES, "rsp", -8, NULL, 0, 8, 0 },
	{ BYTES("\xe8\x00\x01\x00\x00"), "call 0x500105", PUSHES | NOT_RUN, WRITES, "rsp", -8, NULL, 0, 8, 0 },
	{ BYTES("\x48\x89\x84\x24\x00\xe0\xff\xff"), "mov qword ptr [rsp - 0x2000], rax", PUSHES, WRITES, "rsp", -0x2000, NULL, 0, 8, 0 },
	{ BYTES("\x48\x83\x0c\x24\x00"), "or qword ptr [rsp], 0", PUSHES, WRITES, "rsp", 0, NULL, 0, 8, 0 },
	{ BYTES("\xaa"), "stosb byte ptr [rdi], al", 0, WRITES, "rdi", 0, NULL, 0, 1, 0 },
	{ BYTES("\xf3\xaa"), "rep stosb byte ptr [rdi], al", 0, WRITES, "rdi", 0, NULL, 0, 0x60, 0 },
	{ BYTES("\xf3\x48\xab"), "rep stosq qword ptr [rdi], rax", 0, WRITES, "rdi", 0, NULL, 0, 0x300, 0 },
	{ BYTES("\xf3\x48\xa5"), "rep movsq qword ptr [rdi], qword ptr [rsi]", 0, READS, "rsi", 0, NULL, 0, 0x300, 0 },
	{ BYTES("\xa4"), "movsb byte ptr [rdi], byte ptr [rsi]", 0, READS, "rsi", 0, NULL, 0, 1, 0 },
	{ BYTES("\xae"), "scasb al, byte ptr [rdi]", 0, READS, "rdi", 0, NULL, 0, 1, 0 },
	{ BYTES("\xd7"), "xlatb", 0, READS, "rbx", 0, NULL, 0, 1, 0 },
	{ BYTES("\x66\x0f\xf7\xc1"), "maskmovdqu xmm0, xmm1", NOT_RUN, WRITES, "rdi", 0, NULL, 0, 16, 0 },
	{ BYTES("\x0f\x28\x00"), "movaps xmm0, xmmword ptr [rax]", 0, READS, "rax", 0, NULL, 0, 16, 16 },
	{ BYTES("\x0f\x29\x40\x10"), "movaps xmmword ptr [rax + 0x10], xmm0", 0, WRITES, "rax", 16, NULL, 0, 16, 16 },
	{ BYTES("\x0f\x11\x03"), "movups xmmword ptr [rbx], xmm0", 0, WRITES, "rbx", 0, NULL, 0, 16, 0 },
	{ BYTES("\x66\x0f\xfe\x00"), "paddd xmm0, xmmword ptr [rax]", 0, READS, "rax", 0, NULL, 0, 16, 16 },
	{ BYTES("\x0f\x17\x00"), "movhps qword ptr [rax], xmm0", 0, WRITES, "rax", 0, NULL, 0, 8, 0 },
	{ BYTES("\x0f\x2b\x00"), "movntps xmmword ptr [rax], xmm0", 0, WRITES, "rax", 0, NULL, 0, 16, 16 },
	{ BYTES("\x66\x0f\x3a\x14\x00\x01"), "pextrb byte ptr [rax], xmm0, 1", 0, WRITES, "rax", 0, NULL, 0, 1, 0 },
	{ BYTES("\xf2\x0f\xf0\x00"), "lddqu xmm0, xmmword ptr [rax]", 0, READS, "rax", 0, NULL, 0, 16, 0 },
	{ BYTES("\xc5\xf1\xfe\x00"), "vpaddd xmm0, xmm1, xmmword ptr [rax]", NOT_RUN, READS, "rax", 0, NULL, 0, 16, 0 },
	{ BYTES("\xc5\xfc\x28\x00"), "vmovaps ymm0, ymmword ptr [rax]", NOT_RUN, READS, "rax", 0, NULL, 0, 32, 32 },
	{ BYTES("\xc5\xfa\x11\x00"), "vmovss dword ptr [rax], xmm0", NOT_RUN, WRITES, "rax", 0, NULL, 0, 4, 0 },
	{ BYTES("\xc4\xe2\x75\x2e\x00"), "vmaskmovps ymmword ptr [rax], ymm1, ymm0", NOT_RUN, WRITES, "rax", 0, NULL, 0, 32, 0 },
	{ BYTES("\x62\xf1\x7c\x48\x28\x40\x01"), "vmovaps zmm0, zmmword ptr [rax + 0x40]", NOT_RUN, READS, "rax", 64, NULL, 0, 64, 64 },
	/* not known to Capstone 4 */
	{ BYTES("\x62\xf3\x7d\x20\x3f\x07\x00"), "vpcmpeqb k0, ymm16, ymmword ptr [rdi]", NOT_RUN, READS, "rdi", 0, NULL, 0, 32, 0 },
	{ BYTES("\x62\xf3\x7d\x40\x3f\x40\x3f\x00"), "vpcmpeqb k0, zmm16, zmmword ptr [rax + 0xfc0]", NOT_RUN, READS, "rax", 0xfc0, NULL, 0, 64, 0 },
	{ BYTES("\x62\xf3\x7d\x0a\x1f\x4c\x8e\xff\x00"), "vpcmpeqd k1 {k2}, xmm0, xmmword ptr [rsi + rcx*4 - 0x10]", NOT_RUN, READS, "rsi", -16, "rcx", 4, 16, 0 },
	{ BYTES("\x62\xe3\xf5\xd1\x25\x22\x03"), "vpternlogq zmm20 {k1} {z}, zmm17, qword ptr [rdx]{1to8}, 0x3", NOT_RUN, READS, "rdx", 0, NULL, 0, 8, 0 },
	{ BYTES("\x62\xf2\x7d\x08\x26\x15\x00\x00\x00\x10"), "vptestmb k2, xmm0, xmmword ptr [rip + 0x10000000]", NOT_RUN, READS, "rip", 0x10000000, NULL, 0, 16, 0 },
	{ BYTES("\xd9\x00"), "fld dword ptr [rax]", 0, READS, "rax", 0, NULL, 0, 4, 0 },
	{ BYTES("\xdb\x38"), "fstp xword ptr [rax]", 0, WRITES, "rax", 0, NULL, 0, 10, 0 },
	{ BYTES("\xd9\x38"), "fnstcw word ptr [rax]", 0, WRITES, "rax", 0, NULL, 0, 2, 0 },
	{ BYTES("\x0f\xae\x00"), "fxsave [rax]", 0, WRITES, "rax", 0, NULL, 0, 512, 16 },
	{ BYTES("\x0f\xae\x18"), "stmxcsr dword ptr [rax]", 0, WRITES, "rax", 0, NULL, 0, 4, 0 },
	{ BYTES("\xd1\x00"), "rol dword ptr [rax], 1", 0, WRITES, "rax", 0, NULL, 0, 4, 0 },
	{ BYTES("\xff\x00"), "inc dword ptr [rax]", 0, WRITES, "rax", 0, NULL, 0, 4, 0 },
	{ BYTES("\xf7\x30"), "div dword ptr [rax]", DIVIDES, READS, "rax", 0, NULL, 0, 4, 0 },
	{ BYTES("\x48\xa1\x00\x00\x77\x66\x55\x44\x00\x00"), "movabs rax, qword ptr [0x445566770000]", 0, READS, NULL, 0x445566770000, NULL, 0, 8, 0 },
	{ BYTES("\x64\x48\x8b\x03"), "mov rax, qword ptr fs:[rbx]", NOT_RUN, READS, "rbx", 0, "fs_base", 1, 8, 0 },
	{ BYTES("\x65\x48\x89\x03"), "mov qword ptr gs:[rbx], rax", NOT_RUN, WRITES, "rbx", 0, "gs_base", 1, 8, 0 },
	{ BYTES("\x64\x8b\x04\x25\x28\x00\x00\x00"), "mov eax, dword ptr fs:[0x28]", NOT_RUN, READS, "fs_base", 0x28, NULL, 0, 4, 0 },
	{ BYTES("\x48\x8b\x05\xf0\x00\x00\x10"), "mov rax, qword ptr [rip + 0x100000f0]", NOT_RUN, READS, "rip", 0x100000f0, NULL, 0, 8, 0 },
	{ BYTES("\x48\x8d\x47\x08"), "lea rax, [rdi + 8]", NO_OPERAND, 0, NULL, 0, NULL, 0, 0, 0 },
	{ BYTES("\x0f\x1f\x00"), "nop dword ptr [rax]", NO_OPERAND, 0, NULL, 0, NULL, 0, 0, 0 },
	{ BYTES("\x0f\x18\x08"), "prefetcht0 byte ptr [rax]", NO_OPERAND, 0, NULL, 0, NULL, 0, 0, 0 },
	{ BYTES("\xff\xe0"), "jmp rax", NO_OPERAND | NOT_RUN, 0, NULL, 0, NULL, 0, 0, 0 },
	{ BYTES("\xc4\xe2\x69\x92\x04\x88"), "vgatherdps xmm0, dword ptr [rax + xmm1*4], xmm2", NO_OPERAND | NOT_RUN, 0, NULL, 0, NULL, 0, 0, 0 },
	{ BYTES("\x0f\x0b"), "ud2", NO_OPERAND | TRAPS, 0, NULL, 0, NULL, 0, 0, 0 },
	{ BYTES("\xcc"), "int3", NO_OPERAND | TRAPS, 0, NULL, 0, NULL, 0, 0, 0 },
	{ BYTES("\xf4"), "hlt", NO_OPERAND | TRAPS | PRIVILEGED, 0, NULL, 0, NULL, 0, 0, 0 },
	{ BYTES("\xec"), "in al, dx", NO_OPERAND | PRIVILEGED, 0, NULL, 0, NULL, 0, 0, 0 },
	{ BYTES("\x0f\x22\xc0"), "mov cr0, rax", NO_OPERAND | PRIVILEGED, 0, NULL, 0, NULL, 0, 0, 0 },
	{ BYTES("\xf7\xf9"), "idiv ecx", NO_OPERAND | DIVIDES, 0, NULL, 0, NULL, 0, 0, 0 },
};

static const struct row rows_i386[] = {
	{ BYTES("\x8b\x43\x08"), "mov eax, dword ptr [ebx + 8]", 0, READS, "ebx", 8, NULL, 0, 4, 0 },
	{ BYTES("\x89\x44\x8b\xf8"), "mov dword ptr [ebx + ecx*4 - 8], eax", 0, WRITES, "ebx", -8, "ecx", 4, 4, 0 },
	{ BYTES("\x65\xa1\x14\x00\x00\x00"), "mov eax, dword ptr gs:[0x14]", 0, READS, "gs_base", 0x14, NULL, 0, 4, 0 },
	{ BYTES("\x64\xa1\x00\x00\x00\x00"), "mov eax, dword ptr fs:[0]", NO_OPERAND, 0, NULL, 0, NULL, 0, 0, 0 },
	{ BYTES("\x50"), "push eax", PUSHES, WRITES, "esp", -4, NULL, 0, 4, 0 },
	{ BYTES("\x60"), "pushal", PUSHES, WRITES, "esp", -32, NULL, 0, 32, 0 },
	{ BYTES("\x61"), "popal", 0, READS, "esp", 0, NULL, 0, 32, 0 },
	{ BYTES("\xc3"), "ret", 0, READS, "esp", 0, NULL, 0, 4, 0 },
	{ BYTES("\xf3\xab"), "rep stosd dword ptr es:[edi], eax", 0, WRITES, "edi", 0, NULL, 0, 0x180, 0 },
	{ BYTES("\x0f\x28\x00"), "movaps xmm0, xmmword ptr [eax]", 0, READS, "eax", 0, NULL, 0, 16, 16 },
	{ BYTES("\xa1\x78\x56\x34\x12"), "mov eax, dword ptr [0x12345678]", 0, READS, NULL, 0x12345678, NULL, 0, 4, 0 },
	{ BYTES("\xd4\x0a"), "aam", NO_OPERAND | DIVIDES, 0, NULL, 0, NULL, 0, 0, 0 },
	{ BYTES("\xcc"), "int3", NO_OPERAND | TRAPS, 0, NULL, 0, NULL, 0, 0, 0 },
};

static const struct row rows_aarch64[] = {
	{ BYTES("\x20\x04\x40\xf9"), "ldr x0, [x1, #8]", 0, READS, "x1", 8, NULL, 0, 8, 0 },
	{ BYTES("\x20\x8c\x40\xf8"), "ldr x0, [x1, #8]!", 0, READS, "x1", 8, NULL, 0, 8, 0 },
	{ BYTES("\x20\x84\x40\xf8"), "ldr x0, [x1], #8", 0, READS, "x1", 0, NULL, 0, 8, 0 },
	{ BYTES("\xe0\x0f\x1f\xf8"), "str x0, [sp, #-0x10]!", PUSHES, WRITES, "sp", -16, NULL, 0, 8, 0 },
	{ BYTES("\xfd\x7b\xbe\xa9"), "stp x29, x30, [sp, #-0x20]!", PUSHES, WRITES, "sp", -32, NULL, 0, 16, 0 },
	{ BYTES("\xfd\x7b\xc2\xa8"), "ldp x29, x30, [sp], #0x20", 0, READS, "sp", 0, NULL, 0, 16, 0 },
	{ BYTES("\x20\x78\x62\xf8"), "ldr x0, [x1, x2, lsl #3]", 0, READS, "x1", 0, "x2", 8, 8, 0 },
	{ BYTES("\x20\xd8\x62\xb8"), "ldr w0, [x1, w2, sxtw #2]", 0, READS, "x1", 0, "w2", 4, 4, 0 },
	{ BYTES("\x20\x48\x62\xb8"), "ldr w0, [x1, w2, uxtw]", 0, READS, "x1", 0, "w2", 1, 4, 0 },
	{ BYTES("\x20\x00\x40\x39"), "ldrb w0, [x1]", 0, READS, "x1", 0, NULL, 0, 1, 0 },
	{ BYTES("\x20\x04\x80\xb9"), "ldrsw x0, [x1, #4]", 0, READS, "x1", 4, NULL, 0, 4, 0 },
	{ BYTES("\x20\x04\xc0\x3d"), "ldr q0, [x1, #0x10]", 0, READS, "x1", 16, NULL, 0, 16, 0 },
	{ BYTES("\x20\x00\x04\x79"), "strh w0, [x1, #0x200]", 0, WRITES, "x1", 0x200, NULL, 0, 2, 0 },
	{ BYTES("\x20\x7c\x02\xc8"), "stxr w2, x0, [x1]", 0, WRITES, "x1", 0, NULL, 0, 8, 0 },
	{ BYTES("\x20\xfc\x9f\xc8"), "stlr x0, [x1]", 0, WRITES, "x1", 0, NULL, 0, 8, 0 },
	{ BYTES("\x1f\x00\x00\xf9"), "str xzr, [x0]", 0, WRITES, "x0", 0, NULL, 0, 8, 0 },
	{ BYTES("\x00\x08\x00\x58"), "ldr x0, #0x500100", 0, READS, "pc", 0x100, NULL, 0, 8, 0 },
	{ BYTES("\x00\x70\x40\x4c"), "ld1 {v0.16b}, [x0]", 0, READS, "x0", 0, NULL, 0, 0, 0 },
	{ BYTES("\x00\x00\x80\xf9"), "prfm pldl1keep, [x0]", NO_OPERAND, 0, NULL, 0, NULL, 0, 0, 0 },
	{ BYTES("\x20\x74\x0b\xd5"), "dc zva, x0", NO_OPERAND, 0, NULL, 0, NULL, 0, 0, 0 },
	{ BYTES("\x60\x00\x3f\xd6"), "blr x3", NO_OPERAND, 0, NULL, 0, NULL, 0, 0, 0 },
	{ BYTES("\x20\x00\x20\xd4"), "brk #0x1", NO_OPERAND | TRAPS, 0, NULL, 0, NULL, 0, 0, 0 },
};

static const struct row rows_arm[] = {
	{ BYTES("\x04\x00\x91\xe5"), "ldr r0, [r1, #4]", 0, READS, "r1", 4, NULL, 0, 4, 0 },
	{ BYTES("\x04\x00\x11\xe5"), "ldr r0, [r1, #-4]", 0, READS, "r1", -4, NULL, 0, 4, 0 },
	{ BYTES("\x04\x00\x91\xe4"), "ldr r0, [r1], #4", 0, READS, "r1", 0, NULL, 0, 4, 0 },
	{ BYTES("\x02\x00\x91\xe7"), "ldr r0, [r1, r2]", 0, READS, "r1", 0, "r2", 1, 4, 0 },
	{ BYTES("\x02\x00\x11\xe7"), "ldr r0, [r1, -r2]", 0, READS, "r1", 0, "r2", -1, 4, 0 },
	{ BYTES("\x02\x01\x91\xe7"), "ldr r0, [r1, r2, lsl #2]", 0, READS, "r1", 0, "r2", 4, 4, 0 },
	{ BYTES("\x08\x00\x9f\xe5"), "ldr r0, [pc, #8]", 0, READS, "pc", 16, NULL, 0, 4, 0 },
	{ BYTES("\xd3\x00\x51\xe1"), "ldrsb r0, [r1, #-3]", 0, READS, "r1", -3, NULL, 0, 1, 0 },
	{ BYTES("\xf8\x00\xc2\xe1"), "strd r0, r1, [r2, #8]", 0, WRITES, "r2", 8, NULL, 0, 8, 0 },
	{ BYTES("\x00\x00\xc1\xe5"), "strb r0, [r1]", 0, WRITES, "r1", 0, NULL, 0, 1, 0 },
	{ BYTES("\x06\x00\x90\xe8"), "ldm r0, {r1, r2}", 0, READS, "r0", 0, NULL, 0, 8, 0 },
	{ BYTES("\x06\x00\x30\xe9"), "ldmdb r0!, {r1, r2}", 0, READS, "r0", -8, NULL, 0, 8, 0 },
	{ BYTES("\x0e\x00\x80\xe9"), "stmib r0, {r1, r2, r3}", 0, WRITES, "r0", 4, NULL, 0, 12, 0 },
	{ BYTES("\x10\x40\x2d\xe9"), "push {r4, lr}", PUSHES, WRITES, "sp", -8, NULL, 0, 8, 0 },
	{ BYTES("\x10\x80\xbd\xe8"), "pop {r4, pc}", 0, READS, "sp", 0, NULL, 0, 8, 0 },
	{ BYTES("\x04\x8b\x2d\xed"), "vpush {d8, d9}", PUSHES, WRITES, "sp", -16, NULL, 0, 16, 0 },
	{ BYTES("\x02\x0a\x00\xed"), "vstr s0, [r0, #-8]", 0, WRITES, "r0", -8, NULL, 0, 0, 0 },
	{ BYTES("\x00\xf0\xd0\xf5"), "pld [r0]", NO_OPERAND, 0, NULL, 0, NULL, 0, 0, 0 },
	{ BYTES("\x33\xff\x2f\xe1"), "blx r3", NO_OPERAND, 0, NULL, 0, NULL, 0, 0, 0 },
	{ BYTES("\xf0\x00\xf0\xe7"), "udf #0", NO_OPERAND | TRAPS, 0, NULL, 0, NULL, 0, 0, 0 },
};

static const struct row rows_thumb[] = {
	{ BYTES("\x48\x68"), "ldr r0, [r1, #4]", 0, READS, "r1", 4, NULL, 0, 4, 0 },
	{ BYTES("\x02\x48"), "ldr r0, [pc, #8]", 0, READS, "pc", 12, NULL, 0, 4, 0 },
	{ BYTES("\x10\xb5"), "push {r4, lr}", PUSHES, WRITES, "sp", -8, NULL, 0, 8, 0 },
	{ BYTES("\x51\xf8\x22\x00"), "ldr.w r0, [r1, r2, lsl #2]", 0, READS, "r1", 0, "r2", 4, 4, 0 },
	{ BYTES("\x06\xc0"), "stm r0!, {r1, r2}", 0, WRITES, "r0", 0, NULL, 0, 8, 0 },
	{ BYTES("\x00\xde"), "udf #0", NO_OPERAND | TRAPS, 0, NULL, 0, NULL, 0, 0, 0 },
};

static const struct row rows_s390x[] = {
	{ BYTES("\xe3\x10\x20\x08\x00\x04"), "lg %r1, 8(%r2)", 0, READS, "r2", 8, NULL, 0, 8, 0 },
	{ BYTES("\xe3\x13\x2f\xf8\xff\x04"), "lg %r1, -8(%r3, %r2)", 0, READS, "r2", -8, "r3", 1, 8, 0 },
	{ BYTES("\x58\x10\x20\x00"), "l %r1, 0(%r2)", 0, READS, "r2", 0, NULL, 0, 4, 0 },
	{ BYTES("\x58\x10\x00\x08"), "l %r1, 8", 0, READS, NULL, 8, NULL, 0, 4, 0 },
	{ BYTES("\xe3\x10\x20\x08\x00\x24"), "stg %r1, 8(%r2)", 0, WRITES, "r2", 8, NULL, 0, 8, 0 },
	{ BYTES("\xeb\x6f\xf0\x30\x00\x24"), "stmg %r6, %r15, 0x30(%r15)", PUSHES, WRITES, "r15", 0x30, NULL, 0, 0, 0 },
	{ BYTES("\xd2\x07\x10\x00\x20\x10"), "mvc 0(8, %r1), 0x10(%r2)", 0, WRITES, "r1", 0, NULL, 0, 8, 0 },
	{ BYTES("\xd2\x07\x10\x00\x20\x10"), "mvc 0(8, %r1), 0x10(%r2)", SECOND, READS, "r2", 16, NULL, 0, 8, 0 },
	{ BYTES("\xe3\x10\x20\x00\x00\x20"), "cg %r1, 0(%r2)", 0, READS, "r2", 0, NULL, 0, 8, 0 },
	{ BYTES("\x41\x10\x20\x08"), "la %r1, 8(%r2)", NO_OPERAND, 0, NULL, 0, NULL, 0, 0, 0 },
	{ BYTES("\x07\xfe"), "br %r14", NO_OPERAND, 0, NULL, 0, NULL, 0, 0, 0 },
	{ BYTES("\xb9\x0d\x00\x24"), "dsgr %r2, %r4", NO_OPERAND | DIVIDES, 0, NULL, 0, NULL, 0, 0, 0 },
};
/* clang-format on */
