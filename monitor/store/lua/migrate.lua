-- The new records grow beside the old ones, under names of their own, until the switch.
local new_groups, new_undo = KEYS[op.new_groups], KEYS[op.new_undo]
local schema = redis.call('HGET', meta, 'schema')
if op.step == 'switch' and schema == op.new then return {'ok'} end
if schema ~= op.old then return {'order', schema or ''} end

local function unlink_hashes()
  for _, number in ipairs(op.hashes) do redis.call('UNLINK', KEYS[number]) end
end

local function replace(old, new)
  redis.call('DEL', old)
  if redis.call('EXISTS', new) == 1 then redis.call('RENAME', new, old) end
end

if op.step == 'copy' then
  write_rows(read_rows(ARGV[2]), new_groups)
elseif op.step == 'copy_undo' then
  redis.call('HSET', new_undo, ARGV[2], ARGV[3])
elseif op.step == 'discard' then
  unlink_hashes()
  redis.call('DEL', new_groups, new_undo)
else
  unlink_hashes()
  replace(groups, new_groups)
  replace(undo, new_undo)
  redis.call('HSET', meta, 'schema', op.new)
end
return {'ok'}
