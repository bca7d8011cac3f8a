-- The stored epoch if somebody else holds the fence, else nil.
local function fenced_by(state, epoch, nonce)
	local stored = redis.call('HMGET', state, 'epoch', 'nonce')
	if stored[1] == epoch and stored[2] == nonce then
		return nil
	end
	return stored[1] or '0'
end
