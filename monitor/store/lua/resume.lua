-- The breakers of a ledger that was thrown away, for the one that begins in its place.
if redis.call('EXISTS', tail) == 1 then return {'ok'} end
redis.call('DEL', breakers)
in_chunks('HSET', breakers, op.breakers)
return {'ok'}
