-- Put before every script, after `local fence, lease, ... = unpack(KEYS)`. A script that fails half
-- way is not rolled back by Redis: every check comes before the first write.
local op = cjson.decode(ARGV[1])

-- The newest token is the only writer's, whether or not its lease has run out.
if redis.call('GET', fence) ~= op.token then
  return {'fenced', redis.call('GET', lease) or ''}
end

-- Lua cannot unpack 8,000 values; an even number keeps pairs together.
local function in_chunks(command, key, items)
  for first = 1, #items, 4000 do
    redis.call(command, key, unpack(items, first, math.min(first + 3999, #items)))
  end
end

-- ARGV from `first` on: the number of a hash in KEYS, a field and its bytes; no bytes are a removal.
-- A hash is put on the list of groups, by its name without the prefix, when it gains a field.
local function write_records(first)
  for at = first, #ARGV, 3 do
    local key, data = KEYS[tonumber(ARGV[at])], ARGV[at + 2]
    if data == '' then
      redis.call('HDEL', key, ARGV[at + 1])
    elseif redis.call('HSET', key, ARGV[at + 1], data) == 1 then
      redis.call('SADD', groups, key:sub(#tail - #'tail' + 1))
    end
  end
end
