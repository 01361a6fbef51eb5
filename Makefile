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
ifeq ($(origin CC),default)
CC      := gcc
endif

VERSION := 0.1.0

PKGS     := hwloc jansson liburcu zlib
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -linih -lnuma -lpthread -lm

WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
CFLAGS  ?= -g
ALL_CFLAGS = -std=gnu11 $(OPT) $(WARN) -I. -I$(B) -D_GNU_SOURCE -DCHECK_LEVEL=$(CHECK) -pthread \
	$(DEFS) $(SAN) $(PKG_CFLAGS) $(CFLAGS)
ifneq ($(findstring clang,$(CC)),)
ALL_CFLAGS += -Wthread-safety
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
LIB_SRC  := $(wildcard alloc/base/*.c alloc/page/*.c workloads/lib/*.c) \
	$(filter-out harness/main.c harness/bind_page.c,$(wildcard harness/*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/obj/%.o)
BIND_OBJ := $(ENGINES:%=$(B)/bind/page/%.o)

# Tests, by name of the file in a tests/ folder:
#   test_*.c           Criterion program, linked with all but main
#   conform_*.c        Criterion program, one for each engine (-include)
#   torture*.c stress_*.c   program with a main of its own: exit status 0 or 1
#   fuzz_*.c           libFuzzer target (fuzz_main.c: runs a corpus instead)
#   *.sh               script, run with ZONEBENCH=the binary
#   other *.c          helper, linked into each of the programs above
TEST_DIRS  := alloc/base/tests alloc/page/tests workloads/tests harness/tests
TEST_SRC   := $(wildcard $(addsuffix /*.c,$(TEST_DIRS)))
in_tests    = $(filter $(foreach d,$(TEST_DIRS),$(addprefix $(d)/,$(1))),$(TEST_SRC))
UNIT_SRC   := $(call in_tests,test_%.c)
CONF_SRC   := $(call in_tests,conform_%.c)
PLAIN_SRC  := $(call in_tests,torture%.c stress_%.c)
FUZZ_SRC   := $(filter-out %/fuzz_main.c,$(call in_tests,fuzz_%.c))
HELP_SRC   := $(filter-out $(UNIT_SRC) $(CONF_SRC) $(PLAIN_SRC) $(FUZZ_SRC) %/fuzz_main.c,$(TEST_SRC))
HELP_OBJ   := $(HELP_SRC:%.c=$(B)/obj/%.o)
UNIT_BIN   := $(UNIT_SRC:%.c=$(B)/%)
PLAIN_BIN  := $(PLAIN_SRC:%.c=$(B)/%)
CONF_BIN   := $(foreach e,$(ENGINES),$(foreach c,$(CONF_SRC),$(B)/conform/$(basename $(notdir $(c)))-$(e)))
TEST_LINK  := $(LIB_OBJ) $(BIND_OBJ) $(HELP_OBJ)
TEST_SH    := $(wildcard scripts/tests/*.sh harness/tests/*.sh workloads/tests/*.sh plots/tests/*.sh)
FAULT_SH   := $(filter %/faults.sh,$(TEST_SH))
ORACLE_SH  := $(filter %/oracles.sh,$(TEST_SH))
SCRIPT_SH  := $(filter-out $(FAULT_SH) $(ORACLE_SH),$(TEST_SH))

GEN := $(B)/build_info.gen.h $(B)/page_workloads.gen.h

.PHONY: all FORCE help tests clean
all: $(B)/zonebench

$(B)/zonebench: $(B)/obj/harness/main.o $(LIB_OBJ) $(BIND_OBJ)
	$(call say,LD,$@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/obj/%.o: %.c $(B)/flags.gen | $(GEN)
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# One object per engine: its own file, the policy and every workload's loop.
define ENGINE_RULES
$$(B)/bind/page/$(basename $(notdir $(1))).o: $(1) harness/bind_page.c $$(GEN) $$(B)/flags.gen
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)$$(CC) $$(ALL_CFLAGS) -DENGINE_NAME='"$(basename $(notdir $(1)))"' -MMD -MP \
		-include $(1) -c harness/bind_page.c -o $$@
endef
$(foreach e,$(ENGINE_SRC),$(eval $(call ENGINE_RULES,$(e))))

# The conformance suite is compiled once per engine, with the engine's file.
define CONFORM_RULES
$$(B)/conform/$(basename $(notdir $(2)))-$(basename $(notdir $(1))).o: $(1) $(2) $$(B)/flags.gen | $$(GEN)
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)$$(CC) $$(ALL_CFLAGS) -DENGINE_NAME='"$(basename $(notdir $(1)))"' -MMD -MP \
		-include $(1) -c $(2) -o $$@
endef
$(foreach c,$(CONF_SRC),$(foreach e,$(ENGINE_SRC),$(eval $(call CONFORM_RULES,$(e),$(c)))))

$(CONF_BIN): %: %.o $(LIB_OBJ) $(HELP_OBJ)
	$(call say,LD,$@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(TEST_LIBS) $(LDLIBS)
$(UNIT_BIN): $(B)/%: $(B)/obj/%.o $(TEST_LINK)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(TEST_LIBS) $(LDLIBS)
$(PLAIN_BIN): $(B)/%: $(B)/obj/%.o $(TEST_LINK)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
TEST_LIBS = -lcriterion

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
$(B)/page_workloads.gen.h: FORCE
	@mkdir -p $(@D)
	@{ for w in $(WORKLOADS); do echo "#include \"workloads/page/$$w.h\""; done; \
	   echo "#define FOR_EACH_PAGE_WORKLOAD(X) \\"; \
	   for w in $(WORKLOADS); do echo "	X($$w) \\"; done; echo; } > $@.tmp
	$(rewrite)
$(B)/build_info.gen.h: FORCE
	@mkdir -p $(@D)
	@scripts/build_info.sh '$(VERSION)' '$(CC)' '$(ALL_CFLAGS)' '$(HOT)' > $@.tmp
	$(rewrite)

tests: $(UNIT_BIN) $(CONF_BIN) $(PLAIN_BIN)

# Test groups. Each prints `N passed, N failed` and fails on a failure; with
# TALLY=FILE it adds its counts to FILE instead, and the sum decides.
RUN = scripts/run-tests.sh --logs $(B)/test-logs/$@ $(if $(TALLY),--tally $(TALLY))

.PHONY: test test-unit test-conform test-torture test-scripts
test-unit: $(UNIT_BIN)
	@$(RUN) $(UNIT_BIN)
test-conform: $(CONF_BIN)
	@$(RUN) $(CONF_BIN)
test-torture: $(PLAIN_BIN)
	@$(RUN) $(PLAIN_BIN)
test-scripts: $(B)/zonebench
	@ZONEBENCH=$(B)/zonebench $(RUN) $(SCRIPT_SH)

test:
	scripts/install-deps.sh test
	@rm -f $(B)/tally; mkdir -p $(B)
	$(MAKE) tests $(B)/zonebench
	$(MAKE) TALLY=$(B)/tally test-unit
	$(MAKE) TALLY=$(B)/tally test-conform
	$(MAKE) TALLY=$(B)/tally test-torture
	$(MAKE) TALLY=$(B)/tally test-scripts
	@scripts/run-tests.sh --sum $(B)/tally

clean:
	rm -rf $(B)

-include $(wildcard $(B)/obj/*/*.d $(B)/obj/*/*/*.d $(B)/obj/*/*/*/*.d $(B)/bind/page/*.d $(B)/conform/*.d)
