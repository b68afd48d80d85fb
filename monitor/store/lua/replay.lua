-- Queue an alert again as it is, for those of its receivers that are named. Where none was asked for
-- by name: for those that gave it up, and if all took it, for all.
local posted = redis.call('HGET', alerts, op.id)
if not posted then return {'unknown'} end
if redis.call('SISMEMBER', gone, op.id) == 1 then return {'gone'} end

-- A block that came back: what took its alert back holds no more either.
local alert = cjson.decode(posted).alert
if alert.type == 'breaker.retracted' then
  local told = cjson.decode(alert.body).data
  local of = told and told.alert.retracts
  local is_kept = of and redis.call('HEXISTS', alerts, of) == 1
  if is_kept and redis.call('SISMEMBER', gone, of) == 0 then return {'stands'} end
end

local dead, delivered, queued = {}, {}, {}
for _, to in ipairs(op.receivers) do
  local state = redis.call('HGET', outbox, op.id .. ':' .. to.webhook) or ''
  local status, attempts, _, created = state:match('^(%S+) (%S+) (%S+) (%S+)$')
  local it = {to = to, attempts = attempts}
  if status == 'dead' then table.insert(dead, it) end
  if status == 'delivered' then table.insert(delivered, it) end
  -- Asked again after a lost answer.
  if status == 'pending' and created == op.now then table.insert(queued, to.webhook) end
end

local chosen = #dead > 0 and dead or delivered
if op.is_named then
  for _, it in ipairs(delivered) do table.insert(dead, it) end
  chosen = dead
end
if op.dead_only then chosen = dead end
if #queued > 0 then chosen = {} end
for _, it in ipairs(chosen) do
  -- Its attempts stay: bytes of it may have left, so a reorganisation has to take it back.
  local state = table.concat({'pending', it.attempts, op.now, op.now}, ' ')
  redis.call('HSET', outbox, op.id .. ':' .. it.to.webhook, state)
  redis.call('RPUSH', KEYS[it.to.queue], op.id)
  table.insert(queued, it.to.webhook)
end
return {'ok', unpack(queued)}
