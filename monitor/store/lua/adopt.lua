-- Whose state this is: written once, by the first writer.
for at = 1, #op.meta, 2 do redis.call('HSETNX', meta, op.meta[at], op.meta[at + 1]) end
return {'ok'}
