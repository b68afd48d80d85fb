-- The one script that does not ask for the fence: it moves it. The same owner asking again, after a
-- lost answer or a lapse in which nobody took over, gets the same token. A token is
-- "<number> <owner>" and is compared whole: should the server forget the newest ones (a crash, a
-- failover to a replica that lagged), the number is given out again, but never the token.
local fence, lease = KEYS[1], KEYS[2]
local owner, ttl_ms, is_forced = ARGV[1], ARGV[2], ARGV[3] == '1'
local newest, held = redis.call('GET', fence) or '', redis.call('GET', lease) or ''
local holder, its_ttl_ms = held:match('^%d+ (%S+) ?(%d*)$')
if holder and holder ~= owner and not is_forced then
  return {'held', holder, tostring(redis.call('PTTL', lease)), its_ttl_ms}
end
local token = newest
if newest:match('^%d+ (%S+)$') ~= owner then
  token = string.format('%d %s', (tonumber(newest:match('^%d+')) or 0) + 1, owner)
  redis.call('SET', fence, token)
end
redis.call('SET', lease, token .. ' ' .. ttl_ms, 'PX', ttl_ms)
return {'ok', token}
