locals {
  alarm_topics = var.alarm_topic_arn == "" ? [] : [var.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "behind" {
  alarm_name          = "${var.name}-behind"
  alarm_description   = "trailrisk is behind its stream, or does not read it"
  namespace           = "AWS/Kinesis"
  metric_name         = local.is_fan_out ? "SubscribeToShardEvent.MillisBehindLatest" : "GetRecords.IteratorAgeMilliseconds"
  dimensions          = merge({ StreamName = aws_kinesis_stream.this.name }, local.is_fan_out ? { ConsumerName = var.fan_out_consumer } : {})
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = var.minutes_behind
  threshold           = 60000
  comparison_operator = "GreaterThanThreshold"
  # Without a reader there is no such metric.
  treat_missing_data = "breaching"
  alarm_actions      = local.alarm_topics
  ok_actions         = local.alarm_topics
}

resource "aws_cloudwatch_metric_alarm" "undelivered" {
  alarm_name          = "${var.name}-undelivered"
  alarm_description   = "EventBridge could not deliver events of CloudTrail to the stream of trailrisk"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead_letters.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_topics
  ok_actions          = local.alarm_topics
}
