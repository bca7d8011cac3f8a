-- The group's messages begin anew: what their handlers emit from now on counts as new in the target streams, although it may
-- come from messages that were handled before. The run rises with Redis's time, so that it does even if Redis has lost it.
local function begin_run(state)
	local time = redis.call('TIME')
	local now = time[1] * 1000 + math.floor(time[2] / 1000)
	local run = tonumber(redis.call('HGET', state, 'run') or '0')
	redis.call('HSET', state, 'run', string.format('%.0f', math.max(run + 1, now)))
end
