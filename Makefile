# pycore. The targets are listed by `make help`; local settings go into config.mak (not tracked).
-include config.mak

VERSION := 0.1.0
CC      ?= cc
PREFIX  ?= /usr/local
B       ?= build
SAN     ?=
WERROR  ?=

LIBS     := libelf libdw libzstd zlib
CPPFLAGS += -Iinclude -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DPYCORE_VERSION='"$(VERSION)"'
CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
            -Wimplicit-fallthrough -Wno-missing-field-initializers $(if $(WERROR),-Werror)
override CFLAGS += -std=gnu11 $(WARNINGS) $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
override LDFLAGS += $(if $(SAN),-fsanitize=$(SAN))
LDLIBS   := -lelf -ldw -lzstd -lz

LIB_SRC  := $(wildcard corefmt/*.c src/base/*.c src/mem/*.c src/image/*.c src/layout/*.c \
              src/target/*.c src/py/*.c src/out/*.c)
CMD_SRC  := $(wildcard src/cmd/*.c)
TEST_SRC := $(wildcard tests/unit/*.c tests/support/*.c)
OBJ       = $(patsubst %.c,$(B)/%.o,$(1))

.PHONY: all
all: $(B)/pycore

$(B)/pycore: $(call OBJ,$(CMD_SRC)) $(B)/libpycore.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/libpycore.a: $(call OBJ,$(LIB_SRC))
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/unit: $(call OBJ,$(TEST_SRC)) $(B)/libpycore.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcheck -lsubunit -lm -lrt -lpthread

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(patsubst %.o,%.d,$(call OBJ,$(LIB_SRC) $(CMD_SRC) $(TEST_SRC)))
