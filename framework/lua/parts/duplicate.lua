-- @include memory

-- Answers a batch that its producer sends again, and refuses one that would overtake an earlier batch. Uses
-- the script's `producer`, and `sequence` and `oldest` as numbers. `outcomes` is what Redis knows of the
-- producer's batches, the newest first. `awaited` is the sequence that comes after the newest record.
local outcomes, awaited = ''
if sequence > 0 then
	outcomes = redis.call('GET', producer) or ''
	local newest, added = string.match(outcomes, '^(%d+) %S+ (%d+)')
	awaited = newest and newest + added
	if awaited and sequence < awaited then
		local first
		first, added = string.match(' ' .. outcomes, ' ' .. ARGV[3] .. ' (%d+%-%d+) (%d+)')
		if not first then
			return {'OLD'}
		end
		-- A write, so that a WAIT after it covers the batch, which another connection may have added.
		-- Without memory, Redis refuses SET.
		if redis.pcall('SET', producer, outcomes, 'PX', ttl).err then
			redis.pcall('PEXPIRE', producer, ttl)
		end
		return {'DUP', first, added}
	elseif oldest < sequence and sequence ~= awaited then
		return {'GAP'}
	elseif sequence ~= awaited then
		-- The first batch, or one behind an outcome that could not be noted: it fails here if its own outcome cannot be noted.
		local tried = redis.pcall('SET', producer, outcomes, 'PX', ttl)
		if tried.err and not out_of_memory(tried) then
			return tried
		end
	end
end
