#include "group_info.h"

#include <sysexits.h>

#include "complain.h"

int ctl_group_info_read(seg_stream *stream, const char *group, seg_group_info **info)
{
	seg_error error;
	if (seg_group_describe(stream, group, info, &error) == 0)
		return EX_OK;
	if (error.status == SEG_ENOTFOUND)
		return ctl_complain(EX_NOINPUT, "%s; `segctl group list %s` lists the groups", error.text,
				    seg_stream_name(stream));
	return ctl_fail(&error);
}

ctl_group_totals ctl_group_info_sum(const seg_group_info *info)
{
	ctl_group_totals sum = {0};
	for (uint32_t p = 0; p < info->partition_count; p++) {
		const seg_partition_info *partition = &info->partitions[p];
		sum.lag = partition->lag < 0 || sum.lag < 0 ? -1 : sum.lag + partition->lag;
		sum.dead_letters += partition->dead_letters;
		sum.owned += *partition->owner != '\0';
	}
	return sum;
}
