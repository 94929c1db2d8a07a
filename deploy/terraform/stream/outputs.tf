output "stream_arn" {
  description = "For the module `service`, or source.stream."
  value       = aws_kinesis_stream.this.arn
}

output "key_arn" {
  description = "For the module `service`."
  value       = aws_kms_key.this.arn
}

output "reader_policy_arn" {
  description = "For the modules `service` and `eks-identity`."
  value       = aws_iam_policy.reader.arn
}

output "consumer_arn" {
  description = "For the module `service`, or source.consumer. Empty, there is none."
  value       = join("", aws_kinesis_stream_consumer.this[*].arn)
}

output "lease_table_name" {
  description = "For the module `service`, or checkpoint.table. Empty, there is none."
  value       = join("", aws_dynamodb_table.lease[*].name)
}

output "dead_letter_queue_url" {
  description = "What EventBridge could not deliver."
  value       = aws_sqs_queue.dead_letters.url
}

output "bus_arn" {
  description = "For the module `member`; null without an organisation."
  value       = one(aws_cloudwatch_event_bus.this[*].arn)
}
