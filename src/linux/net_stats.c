/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/net_stats.h"

#include "base/io.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* "  eth0: bytes packets errs drop fifo frame compressed multicast bytes packets errs drop ..." */
static rl_err parse_line(struct rl_arena *a, const char *line, struct lx_net_stats *ret,
			 bool *ret_found)
{
	const char *colon = strchr(line, ':'), *end = strchr(line, '\n');

	*ret_found = false;
	if (colon == NULL || (end != NULL && colon > end))
		return RL_OK;
	line += strspn(line, " ");
	if (sscanf(colon + 1,
		   "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %*u %*u %*u"
		   " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
		   &ret->rx_bytes, &ret->rx_packets, &ret->rx_errors, &ret->rx_dropped,
		   &ret->tx_bytes, &ret->tx_packets, &ret->tx_errors, &ret->tx_dropped) != 8)
		return RL_OK;
	*ret_found = true;
	return rl_arena_strn(a, line, (size_t)(colon - line), &ret->name);
}

rl_err lx_net_stats(struct rl_arena *a, pid_t pid, const struct lx_net_stats **ret,
		    size_t *ret_count)
{
	struct lx_net_stats *items = NULL;
	size_t len, room = 0, count = 0;
	const char *text;
	char path[40];

	*ret = NULL;
	*ret_count = 0;
	snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)pid);
	if (rl_drop_failed(rl_read_file(a, AT_FDCWD, path, 4 << 20, &text, &len)))
		return RL_OK;
	for (const char *at = text; *at != '\0'; at++)
		room += *at == '\n';
	RL_TRY(rl_new_array(a, room + 1, &items));
	for (const char *line = text; *line != '\0' && count <= room;) {
		bool found;

		RL_TRY(parse_line(a, line, &items[count], &found));
		count += found;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	*ret = items;
	*ret_count = count;
	return RL_OK;
}
