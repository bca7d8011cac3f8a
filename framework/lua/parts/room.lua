-- Makes room for `n` records: trims what is committed, then drops the oldest if the stream does that. Lowers `n` to
-- what fits. `drops`: how many records of the log or of the batch are dropped. Uses the script's `log`, `counters`,
-- `size`, `overflow` and `trim`.
local room = size - redis.call('XLEN', log)
if room < n then
	room = room + trim('~')
	if room < n then
		room = room + trim('=')
	end
end
local drops = overflow == 'drop-oldest' and n - room or 0
if drops > 0 then
	redis.call('XTRIM', log, 'MAXLEN', '=', math.max(size - n, 0))
	redis.call('HINCRBY', counters, 'dropped', drops)
elseif room < n then
	n = math.max(room, 0)
end
