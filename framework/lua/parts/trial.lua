-- @include memory

-- Tries to note the source (parts/source.lua), before the script's first record is added. A script that fails in its midst keeps
-- what it has written, and its caller tries again: so what could not be noted is not added. Redis looks at rights first; if it
-- lacks memory, the script makes room later.
local tried = redis.pcall('HSET', from, source, stored or table.concat({run, epoch, floor}, ' '))
if type(tried) == 'table' and not out_of_memory(tried) then
	return tried
end
