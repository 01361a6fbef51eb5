/*
 * The list of commands, filled by constructors.
 */
#include "harness/command.h"

#include <string.h>

static struct command *first;

void command_register(struct command *command)
{
	struct command **at = &first;

	while (*at && strcmp((*at)->name, command->name) < 0)
		at = &(*at)->next;
	command->next = *at;
	*at = command;
}

const struct command *command_first(void)
{
	return first;
}

const struct command *command_find(const char *name)
{
	for (const struct command *c = first; c; c = c->next)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}
