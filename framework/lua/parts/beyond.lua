-- @include id

-- With lanes (`parallel` above 1), messages after the position are done, too. Three fields of the state say which:
--   done      <nonce> <done>: how many messages that owner had done when it last committed; it never falls
--   beyond    <nonce> <position> <set>: what is done beyond that position (partition/beyond.h)
--   lettered  <nonce> <number> <position> <ids>: dead letters that no commit has covered yet; the number of the newest
-- The nonce and the position tell what is out of date: the position was moved by another owner, or by hand.

-- The words of such a field; none if the field is missing, or another owner's.
local function of_owner(field, nonce)
	local its, rest = string.match(field or '', '^(%S+) (.*)$')
	if its == nonce then
		return rest
	end
end

-- Whether the owner has called again since it had done only so many. Then this call comes late, and changes nothing.
local function is_overtaken(state, nonce, done)
	local newest = of_owner(redis.call('HGET', state, 'done'), nonce)
	return newest ~= nil and tonumber(newest) > tonumber(done)
end

-- Stores what is done beyond the position: the field's value; `-`: nothing any more; `=`: nothing, and none is stored.
local function store_beyond(state, nonce, done, value)
	redis.call('HSET', state, 'done', nonce .. ' ' .. done)
	if value == '-' then
		redis.call('HDEL', state, 'beyond')
	elseif value ~= '=' then
		redis.call('HSET', state, 'beyond', value)
	end
end
