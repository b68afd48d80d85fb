-- The one script that does not ask for the fence: it moves it. Asking again after a lost answer
-- gives the same token.
local fence, lease = KEYS[1], KEYS[2]
local owner, ttl_ms, is_forced = ARGV[1], ARGV[2], ARGV[3] == '1'
local token, holder = (redis.call('GET', lease) or ''):match('^(%S+) (%S+)$')
if holder and holder ~= owner and not is_forced then
  return {'held', holder, tostring(redis.call('PTTL', lease))}
end
if holder ~= owner then token = tostring(redis.call('INCR', fence)) end
redis.call('SET', lease, token .. ' ' .. owner, 'PX', ttl_ms)
return {'ok', token}
