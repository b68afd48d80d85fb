-- A queue that is too long: the oldest become dead letters, some at a time.
local queue = KEYS[op.queue]

local function bury(delivery)
  local letter = {delivery = delivery, reason = op.reason, died_unix = op.now}
  redis.call('RPUSH', letters, cjson.encode(letter))
  redis.call('LTRIM', letters, -1000, -1)
end

local count = math.min(redis.call('LLEN', queue) - op.most, 100)
for _ = 1, count do
  local id = redis.call('LPOP', queue)
  local entry = id .. ':' .. op.webhook
  local state = redis.call('HGET', outbox, entry) or ''
  local attempts, due, created = state:match('^pending (%S+) (%S+) (%S+)$')
  local posted = redis.call('HGET', alerts, id)
  if attempts and posted then
    redis.call('HSET', outbox, entry, table.concat({'dead', attempts, due, created}, ' '))
    bury({alert_id = id, webhook = op.webhook, body = cjson.decode(posted).alert.body,
      attempts = tonumber(attempts), due_unix = tonumber(due), created_unix = tonumber(created)})
  end
end
return {'ok', tostring(math.max(count, 0))}
