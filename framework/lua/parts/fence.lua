-- The stored epoch if somebody else holds the fence, or nobody; else nil, and the stored position.
local function fenced_by(state, epoch, nonce)
	local stored = redis.call('HMGET', state, 'epoch', 'nonce', 'position')
	if stored[1] == epoch and stored[2] == nonce and nonce ~= '' then
		return nil, stored[3]
	end
	return stored[1] or '0'
end
