-- nil and the stored position if the caller holds the fence; else the stored epoch, "0" if there is none.
local function fenced_by(state, epoch, nonce)
	local stored = redis.call('HMGET', state, 'epoch', 'nonce', 'position')
	if stored[1] == epoch and stored[2] == nonce and nonce ~= '' then
		return nil, stored[3]
	end
	return stored[1] or '0'
end
