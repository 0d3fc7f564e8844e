# pycore. `make help` lists the targets; local settings go into config.mak, which is not tracked.
-include config.mak

VERSION := 0.1.0
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share/pycore
B       ?= build
SAN     ?=
WERROR  ?=
MATRIX  ?= --all
SUITES  ?=

CPPFLAGS += -Iinclude -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DPYCORE_VERSION='"$(VERSION)"'
CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
            -Wimplicit-fallthrough -Wno-missing-field-initializers $(if $(WERROR),-Werror)
sanitize := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
override CFLAGS  += -std=gnu11 -pthread $(WARNINGS) $(sanitize)
override LDFLAGS += -pthread $(sanitize)
LDLIBS   := -lelf -ldw -lzstd -lz -llzma -ljansson -ldl -l:libsupc++.a

LIB_SRC  := $(wildcard corefmt/*.c $(addsuffix /*.c,$(addprefix src/,base mem image layout target py py/objects heap unwind verdict survey out)))
CMD_SRC  := $(wildcard src/cmd/*.c)
TEST_SRC := $(wildcard tests/unit/*.c tests/support/*.c)
# V=1 shows the commands
Q         = $(if $(V),,@)
say       = $(if $(V),,@echo "  $(1) $(2)")
objects   = $(patsubst %.c,$(B)/%.o,$(1))

.PHONY: all
all: $(B)/pycore ## the program, build/pycore

$(B)/pycore: $(call objects,$(CMD_SRC)) $(B)/libpycore.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/libpycore.a: $(call objects,$(LIB_SRC))
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(B)/unit: $(call objects,$(TEST_SRC)) $(B)/libpycore.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcheck -lsubunit -lm -lrt -llz4

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(patsubst %.o,%.d,$(call objects,$(LIB_SRC) $(CMD_SRC) $(TEST_SRC)))

.PHONY: demo
demo: ## installs what is missing, builds, crashes a real Python program and shows the report
	tests/setup build
	$(MAKE) all
	tests/demo $(B)/pycore

.PHONY: check
check: ## installs what is missing, builds and runs all tests
	tests/setup check
	$(MAKE) all $(B)/unit
	tests/run --build $(B)

.PHONY: lint
lint: ## layers, house rules, format and man pages
	tests/lint/layers
	tests/lint/rules
	@clang-format --dry-run -Werror $(filter-out %.inc,$(wildcard include/pycore/*.h corefmt/*.[ch] src/*/*.[ch] src/*/*/*.[ch] tests/*/*.[ch]))
	mandoc -Tlint -Wwarning $(wildcard man/*.[1-8])

.PHONY: matrix
matrix: ## fetches and builds other Pythons (MATRIX: only these), and runs the tests on them (SUITES: only these)
	tests/setup matrix
	$(MAKE) all
	fixtures/pythons get $(MATRIX)
	tests/run --fetched --build $(B) $(SUITES)

.PHONY: bench
bench: all ## time and memory beside gdb, PyStack, py-spy and eu-stack
	/usr/bin/python3 tests/bench/bench.py --pycore $(B)/pycore
	/usr/bin/python3 tests/bench/heaps.py --pycore $(B)/pycore

.PHONY: install
install: all ## into $(DESTDIR)$(PREFIX)
	install -Dm755 $(B)/pycore $(DESTDIR)$(BINDIR)/pycore
	for page in man/*.[1-8]; do \
		install -Dm644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit; done
	for schema in man/*.schema.json; do \
		install -Dm644 $$schema $(DESTDIR)$(DATADIR)/$${schema##*/} || exit; done

.PHONY: uninstall
uninstall: ## what install put there
	rm -f $(DESTDIR)$(BINDIR)/pycore
	rm -rf $(DESTDIR)$(DATADIR)
	for page in man/*.[1-8]; do rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}; done

.PHONY: clean
clean: ## what was built
	rm -rf build build-*

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12
