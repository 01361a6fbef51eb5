# zonebench: `make bench` runs the default job, `make test` every test.
# Targets are listed by `make help`; variables stand below.

CC      ?= gcc
HOT     ?= inline
CHECK   ?= 0
B       ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
OPT     ?= -O2
SAN     ?=
DEFS    ?=
JOB     ?= workloads/jobs/default.ini
CLANG   ?= clang
# Seconds that each libFuzzer target runs in `make test-fuzz`.
FUZZ_SECONDS ?= 10
ifeq ($(origin CC),default)
CC      := gcc
endif

VERSION := 0.1.0

PKGS     := hwloc jansson liburcu-memb liburcu-qsbr liburcu-mb liburcu-bp zlib
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -linih -lnuma -lpthread -lm

WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
CFLAGS  ?= -g
ALL_CFLAGS = -std=gnu11 $(OPT) $(WARN) -I. -I$(B) -D_GNU_SOURCE -DCHECK_LEVEL=$(CHECK) -pthread \
	$(DEFS) $(SAN) $(PKG_CFLAGS) $(CFLAGS)
ifneq ($(findstring clang,$(CC)),)
ALL_CFLAGS += -Wthread-safety
else ifneq ($(SAN),)
# gcc's flow analysis is led astray by the code that a sanitizer inserts; the
# build without sanitizers has these warnings on.
ALL_CFLAGS += -Wno-format-truncation -Wno-maybe-uninitialized -Wno-stringop-overflow
endif
ifeq ($(HOT),call)
ALL_CFLAGS += -DHOT_CALL=1
endif
LDLIBS  = $(PKG_LIBS)

# V=1 prints whole commands.
ifeq ($(V),1)
say =
else
say = @echo '  $(1) $(2)';
endif

# Everything is found by wildcard: an engine, a workload, a source file or a
# test is added by its file alone.
ENGINE_DIRS   ?= alloc/page/engines
ENGINE_SRC    := $(wildcard $(addsuffix /*.c,$(ENGINE_DIRS)))
ENGINES       := $(sort $(basename $(notdir $(ENGINE_SRC))))
WORKLOADS     := $(sort $(basename $(notdir $(wildcard workloads/page/*.h))))
SLAB_ENGINE_SRC := $(wildcard alloc/slab/engines/*.c)
SLAB_ENGINES    := $(sort $(basename $(notdir $(SLAB_ENGINE_SRC))))
SLAB_WORKLOADS  := $(sort $(basename $(notdir $(wildcard workloads/slab/*.h))))
LIB_SRC  := $(wildcard alloc/base/*.c alloc/page/*.c alloc/slab/*.c workloads/lib/*.c) \
	$(filter-out harness/main.c harness/bind_page.c harness/bind_slab.c,$(wildcard harness/*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/obj/%.o)
BIND_OBJ := $(ENGINES:%=$(B)/bind/page/%.o) $(SLAB_ENGINES:%=$(B)/bind/slab/%.o)

# Tests, by name of the file in a tests/ folder:
#   test_*.c           Criterion program, linked with all but main
#   conform_*.c        Criterion program, one for each engine (-include); of
#                      alloc/slab/tests: for each slab engine
#   torture*.c stress_*.c   program with a main of its own: exit status 0 or 1
#   fuzz_*.c           libFuzzer target (fuzz_main.c: runs a corpus instead)
#   *.sh               script, run with ZONEBENCH=the binary
#   other *.c          helper, linked into the programs above that refer to it
TEST_DIRS  := alloc/base/tests alloc/page/tests alloc/slab/tests workloads/tests harness/tests
TEST_SRC   := $(wildcard $(addsuffix /*.c,$(TEST_DIRS)))
in_tests    = $(filter $(foreach d,$(TEST_DIRS),$(addprefix $(d)/,$(1))),$(TEST_SRC))
UNIT_SRC   := $(call in_tests,test_%.c)
SLAB_CONF_SRC := $(filter alloc/slab/%,$(call in_tests,conform_%.c))
CONF_SRC   := $(filter-out $(SLAB_CONF_SRC),$(call in_tests,conform_%.c))
PLAIN_SRC  := $(call in_tests,torture%.c stress_%.c)
FUZZ_SRC   := $(filter-out %/fuzz_main.c,$(call in_tests,fuzz_%.c))
HELP_SRC   := $(filter-out $(UNIT_SRC) $(CONF_SRC) $(SLAB_CONF_SRC) $(PLAIN_SRC) $(FUZZ_SRC) %/fuzz_main.c,$(TEST_SRC))
HELP_OBJ   := $(HELP_SRC:%.c=$(B)/obj/%.o)
UNIT_BIN   := $(UNIT_SRC:%.c=$(B)/%)
PLAIN_BIN  := $(PLAIN_SRC:%.c=$(B)/%)
conform_of = $(foreach e,$(1),$(foreach c,$(2),$(B)/conform/$(basename $(notdir $(c)))-$(e)))
CONF_BIN   := $(call conform_of,$(ENGINES),$(CONF_SRC)) \
	$(call conform_of,$(SLAB_ENGINES),$(SLAB_CONF_SRC))
# An archive: only what a program refers to, for some helpers use Criterion.
HELPERS    := $(B)/helpers.a
TEST_LINK  := $(LIB_OBJ) $(BIND_OBJ) $(HELPERS)
TEST_SH    := $(wildcard scripts/tests/*.sh harness/tests/*.sh workloads/tests/*.sh plots/tests/*.sh)
FAULT_SH   := $(filter %/faults.sh,$(TEST_SH))
ORACLE_SH  := $(filter %/oracles.sh,$(TEST_SH))
MODEL_SH   := $(filter %/spin_test.sh,$(TEST_SH))
NUMA_SH    := $(filter %/numa_vm.sh,$(TEST_SH))
CALL_SH    := $(filter %/hot_call_test.sh,$(TEST_SH))
SCRIPT_SH  := $(filter-out $(FAULT_SH) $(ORACLE_SH) $(MODEL_SH) $(NUMA_SH) $(CALL_SH),$(TEST_SH))

GEN := $(B)/build_info.gen.h $(B)/page_workloads.gen.h $(B)/slab_workloads.gen.h

.PHONY: all FORCE help tests fuzz-bins clean
all: $(B)/zonebench

$(B)/zonebench: $(B)/obj/harness/main.o $(LIB_OBJ) $(BIND_OBJ)
	$(call say,LD,$@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/obj/%.o: %.c $(B)/flags.gen | $(GEN)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# The charts' scripts are part of the binary (.incbin).
$(B)/obj/harness/plot_templates.o: $(wildcard plots/*.gp)

# An engine is called as its file is; a dot in it stands for a colon.
engine_file = $(basename $(notdir $(1)))
engine_defs = -DENGINE_FILE='"$(engine_file)"' -DENGINE_NAME='"$(subst .,:,$(engine_file))"'

# One object per engine: its own file, the policy and every workload's loop.
# $(1) the engine's file, $(2) page or slab.
define ENGINE_RULES
$$(B)/bind/$(2)/$(basename $(notdir $(1))).o: $(1) harness/bind_$(2).c $$(GEN) $$(B)/flags.gen
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)$$(CC) $$(ALL_CFLAGS) $(call engine_defs,$(1)) -MMD -MP \
		-include $(1) -c harness/bind_$(2).c -o $$@
endef
$(foreach e,$(ENGINE_SRC),$(eval $(call ENGINE_RULES,$(e),page)))
$(foreach e,$(SLAB_ENGINE_SRC),$(eval $(call ENGINE_RULES,$(e),slab)))

# The conformance suite is compiled once per engine, with the engine's file.
define CONFORM_RULES
$$(B)/conform/$(basename $(notdir $(2)))-$(basename $(notdir $(1))).o: $(1) $(2) $$(B)/flags.gen | $$(GEN)
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)$$(CC) $$(ALL_CFLAGS) $(call engine_defs,$(1)) -MMD -MP \
		-include $(1) -c $(2) -o $$@
endef
$(foreach c,$(CONF_SRC),$(foreach e,$(ENGINE_SRC),$(eval $(call CONFORM_RULES,$(e),$(c)))))
$(foreach c,$(SLAB_CONF_SRC),$(foreach e,$(SLAB_ENGINE_SRC),$(eval $(call CONFORM_RULES,$(e),$(c)))))

$(HELPERS): $(HELP_OBJ)
	@rm -f $@
	$(call say,AR,$@)ar rcs $@ $^

$(call conform_of,$(ENGINES),$(CONF_SRC)): %: %.o $(LIB_OBJ) $(HELPERS)
	$(call say,LD,$@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(TEST_LIBS) $(LDLIBS)
# A slab engine stands on page engines, which the bind objects hold.
$(call conform_of,$(SLAB_ENGINES),$(SLAB_CONF_SRC)): %: %.o $(TEST_LINK)
	$(call say,LD,$@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(TEST_LIBS) $(LDLIBS)
$(UNIT_BIN): $(B)/%: $(B)/obj/%.o $(TEST_LINK)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(TEST_LIBS) $(LDLIBS)
$(PLAIN_BIN): $(B)/%: $(B)/obj/%.o $(TEST_LINK)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
# PLAIN=1: tests over harness/tests/plain instead of Criterion, which does not
# start under ThreadSanitizer, and under AddressSanitizer leaks and passes tests
# that leak.
ifeq ($(PLAIN),1)
ALL_CFLAGS += -Iharness/tests/plain
$(CONF_BIN) $(UNIT_BIN): $(B)/obj/harness/tests/plain/runner.o
else
TEST_LIBS = -lcriterion
endif

# Generated files are rewritten only when their text changes, so that a new or
# deleted workload, other flags or another commit rebuild what depends on them
# and nothing else.
define rewrite
@cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@
endef
$(B)/flags.gen: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(CC) $(ALL_CFLAGS)' > $@.tmp
	$(rewrite)
# $(1) page or slab, $(2) the same in capitals, $(3) names
define workloads_gen
@mkdir -p $(@D)
@{ for w in $(3); do echo "#include \"workloads/$(1)/$$w.h\""; done; \
   echo "#define FOR_EACH_$(2)_WORKLOAD(X) \\"; \
   for w in $(3); do echo "	X($$w) \\"; done; echo; } > $@.tmp
$(rewrite)
endef
$(B)/page_workloads.gen.h: FORCE
	$(call workloads_gen,page,PAGE,$(WORKLOADS))
$(B)/slab_workloads.gen.h: FORCE
	$(call workloads_gen,slab,SLAB,$(SLAB_WORKLOADS))
$(B)/build_info.gen.h: FORCE
	@mkdir -p $(@D)
	@scripts/build_info.sh '$(VERSION)' '$(CC)' '$(ALL_CFLAGS)' '$(HOT)' > $@.tmp
	$(rewrite)

# A fuzz target over its kept corpus, with any compiler ...
CORPUS_BIN := $(FUZZ_SRC:harness/tests/%.c=$(B)/corpus/%)
$(CORPUS_BIN): $(B)/corpus/%: $(B)/obj/harness/tests/%.o $(B)/obj/harness/tests/fuzz_main.o $(TEST_LINK)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
# ... and with libFuzzer (B, CC and SAN are set by test-fuzz).
FUZZ_BIN := $(FUZZ_SRC:harness/tests/%.c=$(B)/fuzz/%)
$(FUZZ_BIN): $(B)/fuzz/%: $(B)/obj/harness/tests/%.o $(TEST_LINK)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LDLIBS)
tests: $(UNIT_BIN) $(CONF_BIN) $(PLAIN_BIN) $(CORPUS_BIN)

fuzz-bins: $(FUZZ_BIN)

# The same program with deliberate faults compiled in and engines that break
# the rules beside the real ones: what the fault tests run.
FAULTY_DIRS := alloc/page/engines alloc/page/tests/engines
$(B)/zonebench-faulty: FORCE
	@$(MAKE) --no-print-directory B=$(B)/faulty $(QUICK) $(FEW_LOOPS) DEFS='-DOUT_OF_LINE -DFAULTS' \
		ENGINE_DIRS='$(FAULTY_DIRS)' $(B)/faulty/zonebench
	@cmp -s $(B)/faulty/zonebench $@ || cp $(B)/faulty/zonebench $@

# Test groups. Each prints `N passed, N failed` and fails on a failure; with
# TALLY=FILE it adds its counts to FILE instead, and the sum decides. Programs
# that wait more than they compute, and whose verdict does not hang on time, run
# JOBS at a time.
JOBS ?= 2
RUN  = scripts/run-tests.sh --logs $(B)/test-logs/$@ --base $(B) \
	$(if $(LABEL),--label '$(LABEL)') $(if $(TALLY),--tally $(TALLY))
# Sub-makes build on every CPU unless -j was given.
SUB  = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
HAS_CLANG := $(shell command -v $(CLANG) 2>/dev/null)

.PHONY: test test-all test-unit test-conform test-torture test-corpus \
	test-models test-scripts test-dispatch test-style test-faults test-call test-fuzz \
	test-asan test-ubsan test-tsan test-clang test-tools test-variant test-threaded test-oracles test-numa
test-unit: $(UNIT_BIN)
	@$(RUN) --jobs $(JOBS) $(UNIT_BIN)
test-conform: $(CONF_BIN)
	@$(RUN) --jobs $(JOBS) $(CONF_BIN)
test-torture: $(PLAIN_BIN)
	@$(RUN) --jobs $(JOBS) $(PLAIN_BIN)
test-corpus: $(CORPUS_BIN)
	@$(RUN) --jobs $(JOBS) $(CORPUS_BIN)
LOOPS_OBJ := $(BIND_OBJ) $(B)/obj/harness/floor.o
SCRIPT_ENV = ZONEBENCH=$(B)/zonebench FAULTY=$(B)/zonebench-faulty CALL=$(B)/call/zonebench \
	BUILD=$(B) OBJECTS='$(LOOPS_OBJ)' CC='$(CC)'
test-scripts: $(B)/zonebench
	@$(SCRIPT_ENV) $(RUN) --jobs $(JOBS) $(SCRIPT_SH)
test-dispatch: $(LOOPS_OBJ)
	@$(SCRIPT_ENV) $(RUN) scripts/check_loops.sh
test-style:
	@$(SCRIPT_ENV) $(RUN) scripts/check_style.sh
# Protocols as models, every interleaving.
test-models:
	@$(SCRIPT_ENV) $(RUN) $(MODEL_SH)
# The engines' functions out of line: built, run and flagged.
test-call: $(B)/call/zonebench
	@$(SCRIPT_ENV) $(RUN) $(CALL_SH)
test-faults: $(B)/zonebench-faulty
	@$(SCRIPT_ENV) $(RUN) $(FAULT_SH)
# All of these side by side: they wait, and few use more than one CPU.
test-tools: $(B)/zonebench $(B)/zonebench-faulty $(B)/call/zonebench $(LOOPS_OBJ)
	@$(SCRIPT_ENV) $(RUN) --jobs $(JOBS) $(FAULT_SH) scripts/check_style.sh $(MODEL_SH) \
		$(SCRIPT_SH) scripts/check_loops.sh $(CALL_SH)

# Where the loops are not what is tested two are enough.
FEW_LOOPS := WORKLOADS='pair bulk' SLAB_WORKLOADS=obj_pair
# Where their speed is not: the same lines, a third of the time to compile.
# Lines are all that a sanitizer's report names, and more (-g) doubles that.
QUICK := OPT=-O1 CFLAGS=-g1 HOT=call DEFS=-DOUT_OF_LINE

$(B)/call/zonebench: FORCE
	+@$(SUB) B=$(B)/call HOT=call CFLAGS=-g1 $(FEW_LOOPS) $@

# Each variant has its own objects. Checks are on in the sanitizer builds. What
# takes longest starts first.
LONG_BIN := $(PLAIN_BIN) $(filter $(B)/workloads/%,$(UNIT_BIN)) $(CONF_BIN)
test-variant: tests
	@$(RUN) --jobs $(JOBS) $(LONG_BIN) $(filter-out $(LONG_BIN),$(UNIT_BIN)) $(CORPUS_BIN)
# Tests of what has threads: races are not looked for in parsers.
THREADED_BIN = $(LONG_BIN) $(filter-out $(B)/harness/% $(LONG_BIN),$(UNIT_BIN))
test-threaded: $(THREADED_BIN)
	@$(RUN) --jobs $(JOBS) $(THREADED_BIN)
# Both at once: one build and one run less than apart (test-ubsan).
test-asan:
	+@UBSAN_OPTIONS='suppressions=$(CURDIR)/scripts/ubsan.supp' \
		$(SUB) B=$(B)/asan $(QUICK) CHECK=2 PLAIN=1 LABEL=asan: \
		SAN='-fsanitize=address,undefined -fno-omit-frame-pointer' test-variant
test-ubsan:
	+@UBSAN_OPTIONS='suppressions=$(CURDIR)/scripts/ubsan.supp' \
		$(SUB) B=$(B)/ubsan $(QUICK) CHECK=2 LABEL=ubsan: \
		SAN='-fsanitize=undefined' test-variant
# Unchecked, so that races are looked for between the lines that are measured.
test-tsan:
	+@TSAN_OPTIONS=suppressions=$(CURDIR)/scripts/tsan.supp \
		$(SUB) B=$(B)/tsan $(QUICK) CHECK=0 PLAIN=1 LABEL=tsan: \
		SAN='-fsanitize=thread' test-threaded
test-clang:
ifneq ($(HAS_CLANG),)
	+@$(SUB) B=$(B)/clang CC=$(CLANG) CFLAGS=-g1 $(B)/clang/zonebench
	+@$(SUB) B=$(B)/clang CC=$(CLANG) CFLAGS=-g1 LABEL=clang: tests test-unit
else
	@$(RUN) --skip 'no $(CLANG)'
endif
FUZZ_FLAGS := -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined
test-fuzz:
ifneq ($(HAS_CLANG),)
	+@$(SUB) B=$(B)/fuzzing CC=$(CLANG) $(QUICK) CHECK=2 SAN='$(FUZZ_FLAGS)' \
		$(FEW_LOOPS) fuzz-bins
	@FUZZ_DIR=$(B)/fuzzing/fuzz FUZZ_SECONDS=$(FUZZ_SECONDS) $(RUN) scripts/fuzz.sh
else
	@$(RUN) --skip 'no $(CLANG)'
endif

TEST_GROUPS := test-torture test-unit test-conform test-corpus test-tools test-clang \
	test-asan test-tsan test-fuzz
test:
	scripts/install-deps.sh test
	+@$(SUB) test-all
# Every group runs, then the sum decides.
test-all: TALLY_FILE := $(or $(TALLY),$(B)/tally)
test-all:
	@mkdir -p $(B)
	@$(if $(TALLY),,rm -f $(TALLY_FILE))
	+@$(SUB) tests $(B)/zonebench
	+@for g in $(TEST_GROUPS); do \
		$(SUB) TALLY=$(TALLY_FILE) $$g || \
			{ echo "FAIL   $$g did not build or run"; \
			  echo 0 1 0 >> $(TALLY_FILE); }; \
	done
	@$(if $(TALLY),,scripts/run-tests.sh --sum $(TALLY_FILE))
# Readers that others wrote, over what this program writes.
test-oracles:
	scripts/install-deps.sh oracles
	+@$(SUB) $(B)/zonebench
	@ZONEBENCH=$(B)/zonebench $(RUN) --limit 600 $(ORACLE_SH)
# The real binary in guests with several NUMA nodes. What cannot be installed
# is told, and skipped.
test-numa:
	-scripts/install-deps.sh numa
	+@$(SUB) $(B)/zonebench $(B)/zonebench-faulty
	@ZONEBENCH=$(B)/zonebench FAULTY=$(B)/zonebench-faulty \
		$(RUN) --limit 1800 $(NUMA_SH)

.PHONY: bench soak install uninstall docs format
# Ten minutes of memory pressure while the swap device fails.
soak:
	+@$(SUB) $(B)/zonebench
	ZONEBENCH=$(B)/zonebench SOAK_ARGS='$(SOAK_ARGS)' scripts/soak.sh
bench:
	scripts/install-deps.sh bench
	+@$(SUB) $(B)/zonebench
	$(B)/zonebench run $(JOB)

# The manual page and the completion are made from the program's own table.
DOCS := $(B)/zonebench.1 $(B)/zonebench.bash
docs: $(DOCS)
$(B)/zonebench.1: docs/zonebench.1.in scripts/gen_man.sh $(B)/zonebench
	scripts/gen_man.sh $(B)/zonebench docs/zonebench.1.in '$(VERSION)' > $@.tmp
	@mv $@.tmp $@
$(B)/zonebench.bash: docs/zonebench.bash.in scripts/gen_completion.sh $(B)/zonebench
	scripts/gen_completion.sh $(B)/zonebench docs/zonebench.bash.in > $@.tmp
	@mv $@.tmp $@

BINDIR  = $(DESTDIR)$(PREFIX)/bin
SHARE   = $(DESTDIR)$(PREFIX)/share
DATADIR = $(SHARE)/zonebench
install: $(B)/zonebench $(DOCS)
	install -d $(BINDIR) $(SHARE)/man/man1 $(SHARE)/bash-completion/completions \
		$(DATADIR)/jobs $(DATADIR)/plots
	install -m 755 $(B)/zonebench $(BINDIR)/zonebench
	install -m 644 $(B)/zonebench.1 $(SHARE)/man/man1/zonebench.1
	install -m 644 $(B)/zonebench.bash $(SHARE)/bash-completion/completions/zonebench
	install -m 644 $(wildcard workloads/jobs/*.ini) $(DATADIR)/jobs
	install -m 644 $(wildcard plots/*.gp) $(DATADIR)/plots
uninstall:
	rm -f $(BINDIR)/zonebench $(SHARE)/man/man1/zonebench.1 \
		$(SHARE)/bash-completion/completions/zonebench
	rm -rf $(DATADIR)

format:
	git ls-files '*.[ch]' | xargs clang-format -i

help:
	@echo 'make                build $(B)/zonebench'
	@echo 'make bench          install what is missing, build, run $(JOB), draw'
	@echo 'make test           install what is missing, build and run every test'
	@echo 'make test-GROUP     one group: unit conform torture models corpus scripts dispatch'
	@echo '                    style faults call (these six at once: tools) clang asan ubsan tsan fuzz'
	@echo 'make test-oracles   the files it writes, read by other programs'
	@echo 'make test-numa      the program on several NUMA nodes, in QEMU guests'
	@echo 'make soak           ten minutes of memory pressure while the swap device fails'
	@echo 'make install        PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)'
	@echo 'make uninstall, make docs, make format, make clean'
	@echo
	@echo 'CC=gcc|clang  B=build directory  HOT=inline|call  CHECK=0..3  OPT  CFLAGS'
	@echo 'JOB=job file of bench  FUZZ_SECONDS=$(FUZZ_SECONDS)  V=1 shows commands'

clean:
	rm -rf $(B)

-include $(wildcard $(B)/obj/*/*.d $(B)/obj/*/*/*.d $(B)/obj/*/*/*/*.d $(B)/bind/*/*.d $(B)/conform/*.d)
