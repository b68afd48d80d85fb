-- Whose state this is. Marks of a first run that failed, which left no state, are written over.
local set = redis.call('EXISTS', tail) == 1 and 'HSETNX' or 'HSET'
for at = 1, #op.meta, 2 do redis.call(set, meta, op.meta[at], op.meta[at + 1]) end
return {'ok'}
