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

local function write_records(groups_written)
  for _, group in ipairs(groups_written) do
    redis.call('SADD', groups, group.name)
    in_chunks('HSET', KEYS[group.key], group.set)
    in_chunks('HDEL', KEYS[group.key], group.del)
  end
end
