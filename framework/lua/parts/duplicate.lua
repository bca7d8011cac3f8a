-- Answers a batch that its producer sends again. Uses the script's `sequence` and `producer`.
if sequence ~= '0' then
	local newest = redis.call('GET', producer)
	if newest then
		local number, first, added = string.match(newest, '^(%d+) (%S+) (%d+)$')
		if number == sequence then
			return {'DUP', first, added}
		end
		if #number > #sequence or (#number == #sequence and number > sequence) then
			return {'OLD'}
		end
	end
end
