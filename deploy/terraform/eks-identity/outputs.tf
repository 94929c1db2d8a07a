output "role_arn" {
  description = "For the annotation of the service account with IRSA."
  value       = aws_iam_role.this.arn
}
