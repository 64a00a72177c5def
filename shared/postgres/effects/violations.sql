-- Each row is one breach of "effect once" (docs/design.md section 1).
WITH good AS (
    SELECT * FROM effects.outcome_log WHERE to_status IN ('succeeded', 'partial')
), outcomes AS (
    SELECT j.id, j.status, count(DISTINCT g.txid) AS transactions, count(g.txid) AS times
    FROM alphapulse.sync_jobs j LEFT JOIN good g ON g.job_id = j.id
    GROUP BY j.id, j.status
)
SELECT format('job %s is %s, and %s transactions set that outcome (%s times), not one',
              id, status, transactions, times)
FROM outcomes
WHERE CASE WHEN status IN ('succeeded', 'partial') THEN times <> 1 ELSE times <> 0 END

UNION ALL
SELECT DISTINCT format('transaction %s: %s of %s, and no job succeeded in it', e.txid, e.op, e.table_name)
FROM effects.effect_log e
WHERE NOT EXISTS (SELECT FROM good g WHERE g.txid = e.txid)

UNION ALL
SELECT DISTINCT format('transaction %s: %s of %s for run %s, but the jobs that succeeded in it are of other runs',
                       e.txid, e.op, e.table_name, e.run_id)
FROM effects.effect_log e
WHERE e.run_id IS NOT NULL
  AND EXISTS (SELECT FROM good g WHERE g.txid = e.txid)
  AND NOT EXISTS (SELECT FROM good g WHERE g.txid = e.txid AND g.run_id = e.run_id)

UNION ALL
SELECT what FROM effects.breaches
