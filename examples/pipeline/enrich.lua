-- Orders in, enriched orders out, by the state of their customers.
--
-- A message is a line with the customer as its key:
--
--     c17 customer de                   the customer lives in this country from now on
--     c17 order 4711 1735689600000 99   an order: its number, its time (ms) and its sum (cents)
--
-- The country is a value of the partition. segrunner stores it, and adds what is emitted, with the position of the message:
-- each once, whatever is killed.

function handle(message)
	local customer, kind, rest = message.data:match("^(%S+) (%S+) (.+)$")
	if kind == "customer" then
		state_put(customer, rest)
		return
	end
	local number, at, cents = (rest or ""):match("^(%d+) (%d+) (%d+)$")
	if kind ~= "order" or not number then
		return "dead_letter", "neither a customer nor an order"
	end
	local country = state_get(customer) or "unknown"
	emit("enriched", country, string.format('{"order":%d,"customer":"%s","country":"%s","at":%d,"cents":%d}',
		tonumber(number), customer, country, tonumber(at), tonumber(cents)))
end
