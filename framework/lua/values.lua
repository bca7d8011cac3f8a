#!lua flags=no-writes
-- Reads the values that handlers have kept for a partition, in steps. Only for the owner: while it holds the fence, nobody
-- else changes them.
-- KEYS: state values. ARGV: epoch nonce cursor bytes.
--
-- A step ends after about so many bytes, and never takes long. The first cursor is 0, and so is the last one that is returned. A
-- cursor means something else to another server, which a slot may have moved to: the number of values tells whether all were read.
-- @include fence
local state, values = KEYS[1], KEYS[2]
local epoch, nonce, cursor, bytes = unpack(ARGV)
local COUNT, FIELDS_MAX = 64, 20000

local later = fenced_by(state, epoch, nonce)
if later then
	return {'FENCED', later}
end
local answer, read, fields = {'OK', cursor, redis.call('HLEN', values)}, 0, 0
repeat
	local found = redis.call('HSCAN', values, answer[2], 'COUNT', COUNT)
	answer[2] = found[1]
	answer[#answer + 1] = found[2]
	fields = fields + #found[2] / 2
	for _, text in ipairs(found[2]) do
		read = read + #text
	end
until answer[2] == '0' or read >= tonumber(bytes) or fields >= FIELDS_MAX
return answer
