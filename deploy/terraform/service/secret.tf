# Decides which values of a result are shown (BD-3), so that an attacker cannot. Made by Secrets Manager, so that no state
# of Terraform holds it.
resource "aws_secretsmanager_secret" "sampling_key" {
  # checkov:skip=CKV2_AWS_57:Another key would show other values; it is rotated by hand, if ever.
  name_prefix = "${var.name}-sampling-key-"
  description = "limits.sampling_key of trailrisk"
  kms_key_id  = var.key_arn
}

ephemeral "aws_secretsmanager_random_password" "sampling_key" {
  password_length     = 64
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret_version" "sampling_key" {
  secret_id                = aws_secretsmanager_secret.sampling_key.id
  secret_string_wo         = ephemeral.aws_secretsmanager_random_password.sampling_key.random_password
  secret_string_wo_version = 1
}
