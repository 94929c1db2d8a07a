output "log_group" {
  description = "Risk events of a `stdout` sink, and the log."
  value       = aws_cloudwatch_log_group.this.name
}

output "security_group_id" {
  description = "For sinks and endpoints that let the daemon in."
  value       = aws_security_group.task.id
}

output "state_file_system" {
  description = "Checkpoint and dead letters; null with a lease table."
  value       = one(aws_efs_file_system.state[*].id)
}
