"""rq-dashboard as a browser shows it, within its policy: `open_page` fails on what that forbids."""

from playwright.sync_api import expect
from rq import Queue
from rq.serializers import JSONSerializer

from tests.browser.conftest import Open
from worker.client import Client


def test_rq_dashboard_shows_queues_workers_and_jobs(open_page: Open, client: Client) -> None:
    job = Queue("maintenance", connection=client.redis, serializer=JSONSerializer).enqueue("jobs.nothing")
    page = open_page("/rq/")
    row = page.get_by_role("row").filter(has_text="maintenance")
    row.get_by_role("link", name="1").click()
    page.get_by_role("link", name=job.id).first.click()
    expect(page.get_by_text("jobs.nothing").first).to_be_visible()
    page.goto(page.url.partition("/0/")[0] + "/0/view/workers")
    expect(page.get_by_text("No workers.")).to_be_visible()
