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

-- Rows (see `codec.encode_rows`) in a list: hash, field and bytes of each. Raises for rows cut
-- short: read them before the first write.
local function read_rows(packed)
  local rows, at = {}, 2
  while at <= #packed do
    local name_size, field_size, size, name_at = struct.unpack('>HHI', packed, at)
    local field_at = name_at + name_size
    local data_at = field_at + field_size
    at = data_at + size
    if at > #packed + 1 then error('rows are cut short') end
    local count = #rows
    rows[count + 1] = packed:sub(name_at, field_at - 1)
    rows[count + 2] = packed:sub(field_at, data_at - 1)
    rows[count + 3] = packed:sub(data_at, at - 1)
  end
  return rows
end

local prefix = tail:sub(1, -#'tail' - 1)

-- No bytes are a removal. A hash is put on the list of groups when it gains a field.
local function write_rows(rows, list)
  for at = 1, #rows, 3 do
    local key, field, data = prefix .. rows[at], rows[at + 1], rows[at + 2]
    if data == '' then
      redis.call('HDEL', key, field)
    elseif redis.call('HSET', key, field, data) == 1 then
      redis.call('SADD', list, rows[at])
    end
  end
end
