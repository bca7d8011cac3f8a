-- @include id
-- @include text

-- How many entries came up to `position`, those that are gone included, of a log that XINFO STREAM describes: known
-- where none of the entries that are left came before it, or none comes behind it; else nil.
local function entries_up_to(info, position)
	local first = info['first-entry']
	if not id_less(position, info['last-generated-id']) then
		return info['entries-added']
	elseif not first or id_less(position, first[1]) then
		return info['entries-added'] - info['length']
	end
end
