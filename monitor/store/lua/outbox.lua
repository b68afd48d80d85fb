-- Part of judge and revert: alerts going out and being taken back.
local HISTORY_LIMIT = 1000

local function forget_alert(id)
  local receivers = cjson.decode(redis.call('HGET', alerts, id) or '{"webhooks":[]}').webhooks
  for _, webhook in ipairs(receivers) do
    local state = redis.call('HGET', outbox, id .. ':' .. webhook)
    if state and state:find('^pending') then return end
  end
  for _, webhook in ipairs(receivers) do
    redis.call('HDEL', outbox, id .. ':' .. webhook)
  end
  redis.call('HDEL', alerts, id)
  redis.call('SREM', gone, id)
  redis.call('LREM', history, -1, id)
end

-- An alert raised again (its block was reverted, then came back) moves to the end of each queue,
-- behind its retraction. It is queued anew: an attempt under way is of the time before that.
local function post(alert)
  redis.call('HSET', alerts, alert.id, alert.posted)
  redis.call('SREM', gone, alert.id)
  redis.call('LREM', history, 0, alert.id)
  redis.call('LPUSH', history, alert.id)
  for _, to in ipairs(alert.receivers) do
    local entry = alert.id .. ':' .. to.webhook
    redis.call('HSET', outbox, entry, 'pending 0 ' .. op.now .. ' ' .. op.now)
    redis.call('SADD', webhooks, to.webhook)
    redis.call('LREM', KEYS[to.queue], 0, alert.id)
    redis.call('RPUSH', KEYS[to.queue], alert.id)
  end
  for _, id in ipairs(redis.call('LRANGE', history, HISTORY_LIMIT, -1)) do
    forget_alert(id)
  end
end

-- Bytes may have left: an attempt was begun, whatever came of it.
local function may_be_seen(id, webhook)
  local state = redis.call('HGET', outbox, id .. ':' .. webhook)
  return state and not state:find('^pending 0 ') and not state:find('^dropped')
end

local function drop(id, to)
  local entry = id .. ':' .. to.webhook
  local state = redis.call('HGET', outbox, entry)
  if state and state:find('^pending') then
    redis.call('HSET', outbox, entry, (state:gsub('^pending', 'dropped')))
    redis.call('LREM', KEYS[to.queue], 0, id)
  end
end
