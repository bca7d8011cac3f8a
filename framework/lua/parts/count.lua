-- @include id
-- @include text

-- How many entries, removed ones included, were ever added up to `position`. `info` is the log's XINFO
-- STREAM. nil if that does not tell: if the log has entries both up to the position and after it.
local function entries_up_to(info, position)
	local first = info['first-entry']
	if not id_less(position, info['last-generated-id']) then
		return info['entries-added']
	elseif not first or id_less(position, first[1]) then
		return info['entries-added'] - info['length']
	end
end
