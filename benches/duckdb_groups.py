#!/usr/bin/env python3
"""The groups of the shipped detection by DuckDB, on one thread: `plain` reads the events as columns, `like` reads lines
and lets LIKE pick those that are parsed. Prints tab-separated rows; the last column counts the job ARNs shown, which
trailrisk bounds at 100."""

import sys

import duckdb

COLUMNS = """{eventName: 'VARCHAR', eventTime: 'VARCHAR', eventID: 'VARCHAR', sourceIPAddress: 'VARCHAR',
    errorCode: 'VARCHAR', userAgent: 'VARCHAR', recipientAccountId: 'VARCHAR',
    userIdentity: 'STRUCT(type VARCHAR, accountId VARCHAR)', serviceEventDetails: 'STRUCT(jobArn VARCHAR, status VARCHAR)'}"""

PLAIN = f"""SELECT eventName, eventTime, eventID, sourceIPAddress, errorCode, userAgent, recipientAccountId,
    userIdentity.type AS type, userIdentity.accountId AS account, serviceEventDetails.jobArn AS arn,
    serviceEventDetails.status AS status FROM read_ndjson($file, columns = {COLUMNS})"""

LIKE = r"""SELECT json->>'$.eventName' AS eventName, json->>'$.eventTime' AS eventTime, json->>'$.eventID' AS eventID,
    json->>'$.sourceIPAddress' AS sourceIPAddress, json->>'$.errorCode' AS errorCode, json->>'$.userAgent' AS userAgent,
    json->>'$.recipientAccountId' AS recipientAccountId, json->>'$.userIdentity.type' AS type,
    json->>'$.userIdentity.accountId' AS account, json->>'$.serviceEventDetails.jobArn' AS arn,
    json->>'$.serviceEventDetails.status' AS status
    FROM read_csv($file, columns = {'json': 'VARCHAR'}, delim = '\x01', quote = '', escape = '', header = false,
        auto_detect = false) WHERE json LIKE '%JobCreated%' OR json LIKE '%\u%'"""

GROUPS = """SELECT sourceIPAddress, CASE WHEN type IN ('AWSAccount', 'AWSService') THEN recipientAccountId ELSE account END AS id,
    eventName, coalesce(errorCode, 'success') AS code, userAgent, count(DISTINCT eventID), rtrim(min(eventTime), 'Z'),
    rtrim(max(eventTime), 'Z'), least(len(list(DISTINCT arn)), 100), list(DISTINCT status)
    FROM ({events}) WHERE lower(eventName) = 'jobcreated' GROUP BY ALL"""

connection = duckdb.connect()
connection.execute("SET threads = 1")
events = {"plain": PLAIN, "like": LIKE}[sys.argv[1]]
found = connection.execute(GROUPS.replace("{events}", events), {"file": sys.argv[2]})
while rows := found.fetchmany(10_000):
    sys.stdout.writelines("\t".join(str(value) for value in row[:9]) + "\n" for row in rows)
