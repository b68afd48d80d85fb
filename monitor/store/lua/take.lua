-- In one go: what became of the last delivery of a webhook, and the next one, begun.
local queue = KEYS[op.queue]
if op.done then
  local entry = op.done.id .. ':' .. op.webhook
  local state = redis.call('HGET', outbox, entry) or ''
  local status, attempts, due, created = state:match('^(%S+) (%S+) (%S+) (%S+)$')
  if status == 'pending' and created == op.done.created then
    redis.call('HSET', outbox, entry, table.concat({'delivered', attempts, due, created}, ' '))
    redis.call('LREM', queue, 1, op.done.id)
  end
end

local oldest = redis.call('LINDEX', tail, 0)
local final_number = oldest and cjson.decode(oldest).number or -1

-- What is of no block, and what takes back, waits for none.
local function is_final(posted)
  local alert = cjson.decode(posted).alert
  return alert.breaker:sub(1, #op.monitor) == op.monitor or alert.type == op.retracted
    or alert.block.number <= final_number
end

local aside = {}
for _, id in ipairs(op.aside) do aside[id] = true end

-- What was said later of the same breaker stands aside with it: an end must not come before its
-- beginning, nor what takes back before what it takes back.
local behind = {}
local function is_aside(id, posted)
  if #op.aside == 0 then return false end
  local fingerprint = cjson.decode(posted).alert.fingerprint
  if aside[id] then behind[fingerprint] = true end
  return behind[fingerprint]
end

local function begun(id)
  local entry = id .. ':' .. op.webhook
  local state = redis.call('HGET', outbox, entry) or ''
  local posted = redis.call('HGET', alerts, id)
  local attempts, due, created = state:match('^pending (%d+) (%S+) (%S+)$')
  local now, at = tonumber(op.now), tonumber(due)
  if not (at and tonumber(created) and posted) then return {'damaged', id, state} end
  if is_aside(id, posted) or op.final_only and not is_final(posted) then return nil end
  if due ~= created and at > now and at <= now + op.furthest then return {'none'} end
  redis.call('HSET', outbox, entry, table.concat({'pending', attempts + 1, due, created}, ' '))
  return {'ok', id, posted, attempts, due, created}
end

local from, step = 0, (op.final_only or #op.aside > 0) and 100 or 1
while true do
  local ids = redis.call('LRANGE', queue, from, from + step - 1)
  for _, id in ipairs(ids) do
    local answer = begun(id)
    if answer then return answer end
  end
  if #ids < step then return {'none'} end
  from = from + step
end
