output "dead_letter_queue_url" {
  description = "What EventBridge could not forward."
  value       = aws_sqs_queue.dead_letters.url
}
