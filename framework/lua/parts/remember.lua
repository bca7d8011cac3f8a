-- Notes the outcome of a batch: `added` records from the id `first` on. Keeps the outcomes from `oldest` on,
-- for which the producer may still ask.
if sequence > 0 then
	local outcome = ARGV[3] .. ' ' .. first .. ' ' .. added
	if oldest < sequence then
		local kept = 0
		for number, past in string.gmatch(outcomes, '(%d+) %S+ %d+()') do
			if tonumber(number) < oldest then
				break
			end
			kept = past - 1
		end
		outcome = outcome .. ' ' .. string.sub(outcomes, 1, kept)
	end
	-- The batch is added, and the answer says so, even if the right to SET was just taken away: the next batch is refused for it.
	redis.pcall('SET', producer, outcome, 'PX', ttl)
end
